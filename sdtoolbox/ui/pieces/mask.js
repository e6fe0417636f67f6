// The mask of a picture, by its id on the server. It is drawn in the browser and sent a moment after each change; the
// button that submits the form waits for what is still on its way.
const LATER = 600; // milliseconds after a change
const root = element.querySelector(".sd-field");
const tools = element.querySelector(".sd-mask-editor");
const file = element.querySelector(".sd-file");
const said = element.querySelector(".sd-mask-said");
const problem = element.querySelector(".sd-problem");
const selector = element.querySelector(".sd-mask-selector");
const knobs = element.querySelector(".sd-mask-options");
let shown = ""; // the picture's id
let sent = null; // the id of what is drawn, if the server has it
let changed = false; // drawn, and not sent yet
let sending = null;
let timer = 0;

const speak = (node, text = "") => {
  node.textContent = text;
  node.hidden = !text;
};
const complain = (error) => speak(problem, error.message);
const put = (id) => {
  sent = id;
  root.dataset.value = id || "";
  if (props.value === id) return;
  props.value = id;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  trigger("input");
};
const send = () => {
  clearTimeout(timer);
  changed = false;
  const mask = editor.mask();
  const empty = mask.isEmpty();
  const upload = empty ? Promise.resolve({ id: null }) : mask.picture("#000").then((blob) => uploadFile(blob, "mask", "mask.png"));
  const mine = upload.then(({ id }) => {
    if (sending === mine) put(id);
    return true;
  }).catch((error) => {
    if (sending !== mine) return true; // a later one decides
    changed = true;
    complain(error);
    return false;
  }).finally(() => {
    if (sending === mine) sending = null;
  });
  return (sending = mine);
};
const edited = () => {
  speak(said);
  speak(problem);
  changed = true;
  later();
};
const later = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (editor.isPainting() ? later() : send()), LATER);
};
holdGenerate(props.task, element, () => (changed ? send() : sending));

const chosen = () => given.find((one) => one.id === selector.value);
const select = async (place) => {
  const options = Object.fromEntries([...knobs.querySelectorAll("input")].map((input) =>
    [input.name, input.type === "checkbox" ? input.checked : Number(input.value)]));
  try {
    const body = JSON.stringify({ image: shown, ...place, options });
    const answer = await fetch(`select/${selector.value}`, { method: "POST", body, headers: { "content-type": "application/json" } });
    const found = await answer.json();
    if (!answer.ok) throw new Error(sentences(found));
    speak(problem);
    return await loadedImage(`masks/${found.id}.png`);
  } catch (error) {
    complain(error);
    return null;
  }
};
const drawKnobs = () => {
  selector.title = chosen()?.help || "";
  knobs.replaceChildren(...(chosen()?.options || []).map((option) => {
    const flag = typeof option.default === "boolean";
    return make("label", { class: "sd-mask-knob" }, make("span", {}, option.label), make("input", flag
      ? { type: "checkbox", name: option.name, checked: option.default }
      : { type: "text", inputmode: "numeric", name: option.name, value: option.default, title: `${option.minimum} … ${option.maximum}` }));
  }));
};
selector.replaceChildren(...given.map((one) => make("option", { value: one.id }, one.label)));
selector.addEventListener("change", drawKnobs);
drawKnobs();
const editor = maskEditor(root, { changed: edited, select });

// What the server keeps comes into the editor, unless it is what was drawn there.
const read = async () => {
  const id = props.value || null;
  if (!shown || id === sent) return;
  clearTimeout(timer);
  changed = false;
  sending = null;
  sent = id;
  root.dataset.value = id || "";
  if (id === null) return void editor.mask().put(new Uint8ClampedArray(editor.mask().width * editor.mask().height));
  try {
    const picture = await loadedImage(`masks/${id}.png`);
    if (sent === id && !editor.showMask(picture)) refuse();
  } catch (error) {
    if (sent === id) refuse();
  }
};
const refuse = () => {
  speak(said, say("mask.other_size"));
  put(null);
};
const showPicture = async (id) => {
  shown = id;
  root.querySelector(".sd-mask-none").hidden = Boolean(id);
  if (!id) return void (tools.hidden = true);
  const image = await loadedImage(`pictures/${id}.png`).catch(() => null);
  if (shown !== id || image === null) return;
  tools.hidden = false;
  const replaced = (props.value || null) !== sent; // with the picture comes a mask of its own
  const lost = editor.showPicture(image);
  speak(said, lost && !replaced ? say("mask.cleared") : "");
  if (lost && !replaced) send();
  await read();
};
document.addEventListener("sd:picture", ({ detail }) => detail.field === props.picture_id && showPicture(detail.id));

const take = async (blob) => {
  try {
    const { id } = await uploadFile(blob, "mask");
    const picture = await loadedImage(`masks/${id}.png`);
    if (editor.showMask(picture)) edited();
    else speak(said, say("mask.other_size"));
  } catch (error) {
    complain(error);
  }
};
file.addEventListener("change", (event) => {
  event.stopPropagation();
  if (file.files[0]) take(file.files[0]);
  file.value = "";
});
tools.addEventListener("input", (event) => event.stopPropagation());
root.addEventListener("click", async (event) => {
  if (event.target.closest("[data-action=save]") === null) return;
  const address = URL.createObjectURL(await editor.mask().picture("#000"));
  make("a", { href: address, download: "mask.png" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
});
root.addEventListener("sd:set", (event) => {
  props.value = event.detail;
  trigger("input");
  read();
});
watch("value", read);
showPicture(document.querySelector(`#${props.picture_id} .sd-field`)?.dataset.value || "");
