// What the server refused, at the field it refused; what has no field of its own is said above the button.
const list = element.querySelector(".sd-notices");
const clear = (block) => {
  block.classList.remove("sd-invalid");
  block.querySelector(":scope > .sd-problem")?.remove();
  block.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
};
const place = ({ id, text }) => {
  const block = id ? document.getElementById(id) : null;
  if (!block) {
    list.append(make("p", { class: "sd-problem", role: "alert" }, text));
    return null;
  }
  clear(block);
  block.classList.add("sd-invalid");
  openFold(block);
  block.append(make("p", { class: "sd-problem", role: "alert" }, text));
  const control = block.querySelector("input:not([type=range]), textarea");
  control?.setAttribute("aria-invalid", "true");
  return control;
};
const show = () => {
  document.querySelectorAll(".sd-invalid").forEach(clear);
  list.replaceChildren();
  const problems = (props.value || {}).problems || [];
  const first = problems.map(place).find(Boolean);
  first?.closest("details, .sd-settings")?.classList.add("sd-open");
  first?.focus({ preventScroll: false });
};
const edited = (event) => {
  const block = event.target.closest(".sd-invalid");
  if (block) clear(block);
};
document.addEventListener("input", edited, true);
document.addEventListener("sd:edited", edited);
watch("value", show);
