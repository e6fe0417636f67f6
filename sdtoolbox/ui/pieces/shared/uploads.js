// Pictures and masks on their way to the server, and buttons that must not be faster than they.
const PICTURE_TYPES = ["png", "jpeg", "webp", "tiff", "bmp", "gif", "avif"].map((name) => `image/${name}`);
const isPicture = (file) => PICTURE_TYPES.includes(file.type) || /\.(png|jpe?g|webp|tiff?|bmp|gif|avif)$/i.test(file.name || "");
const isVideo = (file) => /\.(mp4|m4v|mov|mkv|webm|avi)$/i.test(file.name || "") || file.type.startsWith("video/");
// Whether a tab's field for a picture takes this file.
const isTaken = (file, tab) => isPicture(file) || (isVideo(file) && tab.querySelector("[data-moving=true]") !== null);

// Keeps a file on the server: {id, width, height}. What went wrong is thrown as a sentence.
const uploadFile = async (file, kind = "picture", name = file.name || "") => {
  const address = `uploads?kind=${kind}&name=${encodeURIComponent(name.slice(0, 200))}`;
  const answer = await fetch(address, { method: "POST", body: file }).catch(() => null);
  if (!answer) throw new Error(say("page.lost"));
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentences(found) || say("drop.failed"));
  return found;
};
const sentences = ({ message, hint }) => {
  const said = [message, hint].filter(Boolean).join(" ");
  return said.charAt(0).toUpperCase() + said.slice(1);
};
const loadedImage = (address) => new Promise((resolve, reject) => {
  const image = new Image();
  image.onload = () => resolve(image);
  image.onerror = () => reject(new Error(say("picture.gone")));
  image.src = address;
});

// What a tab's button waits for: settle() gives a promise of true once everything is on the server, false if it could
// not be sent, and null when there is nothing to wait for.
const unsettled = new Map(); // task: Map of element: settle
const holdGenerate = (task, element, settle) => {
  if (!unsettled.has(task)) unsettled.set(task, new Map());
  unsettled.get(task).set(element, settle);
};
const settled = (task) => {
  const waits = [...(unsettled.get(task) || [])].map(([element, settle]) => (element.isConnected ? settle() : null));
  const open = waits.filter((wait) => wait !== null);
  return open.length ? Promise.all(open).then((answers) => answers.every(Boolean)) : null;
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".sd-generate");
  const wait = button && settled(button.id.replace(/-generate$/, ""));
  if (!wait) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  if (await wait) button.click();
}, true);
