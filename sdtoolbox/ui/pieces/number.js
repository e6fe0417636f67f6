// A number: text one can type, and a slider beside it where the field has one. The server decides what is
// allowed, so nothing typed is thrown away here: "1.5" or "abc" travels as it is and comes back with a sentence.
const root = element.querySelector(".sd-field");
const input = element.querySelector(".sd-input");
const range = element.querySelector(".sd-range");
const read = (text) => {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
};
const isOpen = () => [null, undefined, ""].includes(props.value); // Gradio makes "" of null when the page is built
const fill = () => {
  // Where nothing is given the slider stands at what that means, if it is a number.
  const open = isOpen();
  const value = open ? Number(input.placeholder) : props.value;
  const low = range ? Number(range.min) : 0;
  const share = range ? (Math.min(Math.max(Number(value) || low, low), Number(range.max)) - low) / (range.max - low) : 0;
  if (range) {
    range.value = Number(value) || low;
    range.dataset.empty = open;
    range.style.setProperty("--share", share);
  }
};
const show = () => {
  const text = isOpen() ? "" : String(props.value);
  if (read(input.value) !== props.value) input.value = text;
  fill();
};
const set = (value) => {
  props.value = value;
  show();
  trigger("input");
};
input.addEventListener("input", (event) => {
  event.stopPropagation();
  props.value = read(input.value);
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  fill();
  trigger("input");
});
input.addEventListener("keydown", (event) => {
  const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const step = props.step * (event.shiftKey ? 10 : 1);
  const next = (Number(props.value) || 0) + direction * step;
  set(Math.min(Math.max(Math.round(next / props.step) * props.step, props.minimum), props.maximum));
});
range?.addEventListener("input", (event) => {
  event.stopPropagation();
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  set(Number(range.value));
});
root.addEventListener("sd:set", (event) => {
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  set(event.detail);
});
root.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "dice") root.dispatchEvent(new CustomEvent("sd:set", { detail: -1 }));
  if (action === "reuse") document.dispatchEvent(new CustomEvent("sd:reuse-seed", { detail: element.closest(".block").id }));
});
// What an empty field means may become known later.
root.addEventListener("sd:proposed", (event) => {
  input.placeholder = event.detail;
  fill();
});
watch("value", show);
show();
