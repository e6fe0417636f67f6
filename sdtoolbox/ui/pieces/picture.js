// A picture, by its id on the server: dropped, chosen, pasted, sketched on, or set by other pieces of the page.
const root = element.querySelector(".sd-field");
const file = element.querySelector(".sd-file");
const zone = element.querySelector(".sd-zone");
const filled = element.querySelector(".sd-given");
const image = element.querySelector(".sd-given-image");
const size = element.querySelector(".sd-given-size");
const problem = element.querySelector(".sd-problem");
let sending = null; // the upload on its way

const complain = (text = "") => {
  problem.textContent = text;
  problem.hidden = !text;
};
const put = (id) => {
  props.value = id;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  draw();
  trigger("input");
};
const draw = () => {
  const id = props.value || "";
  zone.hidden = Boolean(id);
  filled.hidden = !id;
  if (root.dataset.value === id) return;
  root.dataset.value = id;
  complain();
  size.textContent = "";
  if (id) image.src = `pictures/${id}.png`;
  else image.removeAttribute("src");
  document.dispatchEvent(new CustomEvent("sd:picture", { detail: { field: props.field_id, id } }));
};
image.addEventListener("load", () => (size.textContent = `${image.naturalWidth} × ${image.naturalHeight}`));
image.addEventListener("error", () => image.getAttribute("src") && complain(say("picture.gone")));

const take = (blob) => {
  complain();
  root.dataset.busy = true;
  // A form that is restored a moment later would take the picture away again; in a tab of an extension there is none.
  const mine = Promise.all([uploadFile(blob), props.task ? formIsThere(props.task) : null]).then(([{ id }]) => {
    if (sending === mine) put(id);
    return true;
  }).catch((error) => {
    if (sending === mine) complain(error.message);
    return false;
  }).finally(() => {
    if (sending !== mine) return;
    sending = null;
    delete root.dataset.busy;
  });
  sending = mine;
};
holdGenerate(props.task, element, () => sending);

file.addEventListener("change", (event) => {
  event.stopPropagation();
  if (file.files[0]) take(file.files[0]);
  file.value = ""; // the same file once more is a choice too
});
file.addEventListener("input", (event) => event.stopPropagation());
root.addEventListener("click", async (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "clear") {
    put(null);
    file.focus();
  }
  if (action === "sketch" && image.naturalWidth) {
    const drawn = await sketch(image);
    if (drawn) take(drawn);
  }
});
root.addEventListener("sd:file", (event) => take(event.detail));
// In a form the whole tab takes what is dropped and pasted.
if (!props.task) {
  const takeFirst = (data, event) => {
    const files = [...(data?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    take(files[0]);
  };
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => takeFirst(event.dataTransfer, event));
  document.addEventListener("paste", (event) => root.offsetParent !== null && takeFirst(event.clipboardData, event));
}
root.addEventListener("sd:set", (event) => put(event.detail));
watch("value", draw);
draw();
