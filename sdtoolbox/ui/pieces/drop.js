// A picture or a parameters text that is dropped on the tab, or pasted, fills the form. What was filled, what is missing
// and what was not understood is said in lines; the fields themselves are set by the server's answer to `upload`.
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
    const near = one.stand_ins.length ? ` ${say("drop.stand_ins", { names: one.stand_ins.join(", ") })}` : "";
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
const read = async (body, type) => {
  const answer = await fetch(`recall/${props.task}`, { method: "POST", body, headers: { "content-type": type } }).catch(() => null);
  if (!answer) return show(say("page.lost"));
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) return show([found.message, found.hint].filter(Boolean).join(" ") || say("drop.failed"));
  props.value = { ...found, at: Date.now() };
  trigger("upload");
  const count = Object.keys(found.values).length;
  show(say("drop.filled", { tool: found.tool, n: count }), lines(found));
};
const take = (data) => {
  const file = [...(data?.files || [])].find((one) => one.type.startsWith("image/"));
  if (file) return read(file, "application/octet-stream"), true;
  const text = data?.getData("text/plain") || "";
  if (LOOKS_LIKE_PARAMETERS.test(text)) return read(text, "text/plain;charset=utf-8"), true;
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
  if (take(event.dataTransfer) || carries(event)) event.preventDefault();
}, true);
document.addEventListener("paste", (event) => {
  if (visible() && take(event.clipboardData)) event.preventDefault();
}, true);
note.querySelector("button").addEventListener("click", () => (note.hidden = true));
setTimeout(() => trigger("focus")); // the tab is there: its form can be restored
