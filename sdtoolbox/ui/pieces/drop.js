// A picture or a parameters text that is dropped on the tab, or pasted, fills the form; on the field for a picture it is
// that picture and nothing else. What was filled, what is missing and what was not understood is said in lines; the
// fields themselves are set by the server's answer to `upload`.
const LONGEST = 300; // characters of a value
const LOOKS_LIKE_PARAMETERS = /(^|\n|\s)Steps: ?\d+\s*,[^]*:/;
const note = element.querySelector(".sd-drop");
const veil = element.querySelector(".sd-drop-veil");
const title = element.querySelector(".sd-drop-title");
const list = element.querySelector(".sd-drop-lines");
const tab = element.closest(".sd-task");
const visible = () => tab.offsetParent !== null;
const nameOf = (field) => texts[`field.${field}.label`] || field;
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

const line = (text, kind = "") => make("li", { class: kind }, short(text));
const lines = ({ missing, refused, unknown }) => [
  ...missing.map((one) => {
    const kind = texts[`kind.${one.kind}`] || one.kind;
    const gone = say("drop.missing", { kind, name: one.name, hash: one.hash ? ` (${one.hash})` : "" });
    const near = one.stand_ins.length ? ` ${say("drop.stand_ins", { names: one.stand_ins.join(say("list.between")) })}` : "";
    return line(gone + near, "sd-wrong");
  }),
  ...Object.entries(refused).map(([field, value]) => line(say("drop.refused", { field: nameOf(field), value }), "sd-wrong")),
  ...Object.entries(unknown).map(([key, value]) => line(`${key}: ${value}`, "sd-unknown")),
];
const show = (text, found = []) => {
  note.hidden = false;
  title.textContent = text;
  list.replaceChildren(...found);
};
const ask = async (address, body, type) => {
  const answer = await fetch(address, { method: "POST", body, headers: { "content-type": type } }).catch(() => null);
  if (!answer) throw new Error(say("page.lost"));
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentences(found) || say("drop.failed"));
  return found;
};
// Only the server knows what a value of the form may be: it fills the fields.
const fill = async (found, more = {}, quiet = false) => {
  await formIsThere(props.task);
  props.value = { ...found, values: { ...found.values, ...more }, at: Date.now() };
  trigger("upload");
  const count = Object.keys(found.values).length;
  const said = lines(quiet ? { ...found, unknown: {} } : found);
  if (!quiet || said.length) show(say("drop.filled", { tool: found.tool, n: count }), said);
};
const recall = `recall/${props.task}`;
const readText = (text) =>
  ask(recall, text, "text/plain;charset=utf-8").then((found) => fill(found)).catch((error) => show(error.message));
const pictureField = (kind) => tab.querySelector(`.sd-field[data-kind=${kind}]`);
const place = (kind, id) => pictureField(kind)?.dispatchEvent(new CustomEvent("sd:set", { detail: id }));

const restores = () => tab.querySelector("[data-kind=stages]") !== null;

// A file fills the form, and the field for a picture where that is empty, or where pictures are all that a tab is about;
// a file that says nothing can still be shown.
const readFile = async (file) => {
  const field = pictureField("picture");
  const wanted = field && (!field.dataset.value || restores());
  try {
    const id = wanted ? (await uploadFile(file)).id : null;
    const found = await ask(recall, file, "application/octet-stream").catch((error) => {
      if (!wanted) throw error;
      place("picture", id);
      return null;
    });
    if (found) fill(found, wanted && !found.values.image ? { image: id } : {});
  } catch (error) {
    show(error.message);
  }
};
// From another tab: the picture with everything that is known of it. It has a size of its own.
const unpack = async () => {
  const parcel = takeParcel(props.task);
  if (!parcel) return;
  // What was done to a picture is not what is to be done to it next.
  if (restores()) return place("picture", parcel.picture);
  const pictures = { image: parcel.picture, ...(pictureField("mask") ? { mask: parcel.mask || null } : {}) };
  try {
    const found = await ask(`${recall}?picture=${parcel.picture}`, "", "text/plain");
    fill(found, { ...pictures, width: null, height: null }, true);
  } catch (error) {
    place("picture", parcel.picture);
    if (parcel.mask) place("mask", parcel.mask);
  }
};
document.addEventListener("sd:parcel", () => whenRestored(props.task, unpack));

const take = (data, target) => {
  const files = [...(data?.files || [])];
  const field = target?.closest?.(".sd-task") === tab && target.closest("[data-kind=picture], [data-kind=mask]");
  if (field && files.length) {
    // A mask's editor shows the picture: what is dropped there is a picture too.
    const taker = field.dataset.kind === "picture" ? field : pictureField("picture");
    taker.dispatchEvent(new CustomEvent("sd:file", { detail: files[0] }));
    return true;
  }
  const file = files.find((one) => isTaken(one, tab));
  if (file) return readFile(file), true;
  const text = data?.getData("text/plain") || "";
  if (LOOKS_LIKE_PARAMETERS.test(text)) return readText(text), true;
  return false;
};
const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
let inside = 0;
tab.addEventListener("dragenter", (event) => {
  if (carries(event)) veil.hidden = ++inside === 0;
});
tab.addEventListener("dragleave", (event) => {
  if (carries(event)) veil.hidden = --inside <= 0;
});
tab.addEventListener("dragover", (event) => {
  if (carries(event)) event.preventDefault();
});
tab.addEventListener("drop", (event) => {
  inside = 0;
  veil.hidden = true;
  if (take(event.dataTransfer, event.target) || carries(event)) event.preventDefault();
}, true);
document.addEventListener("paste", (event) => {
  if (visible() && take(event.clipboardData, document.activeElement)) event.preventDefault();
}, true);
note.querySelector("button").addEventListener("click", () => (note.hidden = true));
// Another checkpoint, or other defaults of it, move the form.
document.addEventListener("sd:checkpoint-defaults", () => trigger("edit"));
whenRestored(props.task, unpack);
setTimeout(() => trigger("focus")); // the tab is there: its form can be restored
