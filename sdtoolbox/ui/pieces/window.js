// A frame on the picture of the form: the part that a preview makes, at its real size, before the whole is made. It is
// dragged, put where one clicks, or moved by the arrow keys.
const SIDE = 256; // pixels of the picture
const STEP = 16;
const root = element.querySelector(".sd-window");
const place = element.querySelector(".sd-window-place");
const field = () => document.getElementById(props.picture_id);
const image = () => field()?.querySelector(".sd-given-image");
const frame = make("div", { class: "sd-window-frame", tabindex: 0, role: "group", "aria-roledescription": say("window.frame") });
const layer = make("div", { class: "sd-window-layer" }, frame);
let size = null; // of the picture: {width, height}
let middle = { x: 0.5, y: 0.5 }; // of the frame, as shares of the picture
let moving = false; // a video is made whole
let held = null; // where in the frame it is dragged, in pixels of the picture

const box = () => {
  const [width, height] = [Math.min(SIDE, size.width), Math.min(SIDE, size.height)];
  const at = (share, all, side) => Math.round(Math.min(Math.max(share * all - side / 2, 0), all - side));
  const [left, top] = [at(middle.x, size.width, width), at(middle.y, size.height, height)];
  return [left, top, left + width, top + height];
};
const draw = () => {
  const shown = image();
  const useful = !moving && size !== null && Boolean(shown?.getAttribute("src")) && (size.width > SIDE || size.height > SIDE);
  root.hidden = layer.hidden = !useful;
  if (!useful) return;
  if (layer.parentElement !== shown.parentElement) {
    shown.parentElement.append(layer);
    new ResizeObserver(draw).observe(shown);
  }
  const put = (node, x, y, wide, high) =>
    Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${wide}px`, height: `${high}px` });
  put(layer, shown.offsetLeft, shown.offsetTop, shown.offsetWidth, shown.offsetHeight);
  const [left, top, right, bottom] = box();
  const scale = shown.offsetWidth / size.width;
  put(frame, left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  const words = say("window.place", { width: right - left, height: bottom - top, x: left, y: top });
  place.textContent = words;
  frame.setAttribute("aria-label", `${words}. ${say("window.keys")}`);
};
const centre = (x, y) => {
  const [left, top, right, bottom] = box();
  const within = (at, side, all) => Math.min(Math.max(at, side / 2), all - side / 2) / all;
  middle = { x: within(x, right - left, size.width), y: within(y, bottom - top, size.height) };
  draw();
};
const onPicture = (event) => {
  const area = layer.getBoundingClientRect();
  return { x: ((event.clientX - area.left) * size.width) / area.width, y: ((event.clientY - area.top) * size.height) / area.height };
};
frame.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  event.preventDefault();
  frame.focus({ preventScroll: true });
  frame.setPointerCapture(event.pointerId);
  const at = onPicture(event);
  held = { x: at.x - middle.x * size.width, y: at.y - middle.y * size.height };
});
frame.addEventListener("pointermove", (event) => {
  if (!held) return;
  const at = onPicture(event);
  centre(at.x - held.x, at.y - held.y);
});
for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => (held = null));
layer.addEventListener("click", (event) => {
  if (event.target !== layer) return;
  const at = onPicture(event);
  centre(at.x, at.y);
});
frame.addEventListener("keydown", (event) => {
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) preview();
  else if (x || y) {
    const step = STEP * (event.shiftKey ? 8 : 1);
    centre(middle.x * size.width + x * step, middle.y * size.height + y * step);
  } else return;
  event.preventDefault();
});
const preview = async () => {
  const wait = settled(props.task); // the picture is still on its way
  if (wait && !(await wait)) return;
  trigger("submit", { window: box() });
  const stage = root.closest(".sd-task").querySelector(".sd-stage");
  if (stage.getBoundingClientRect().top > window.innerHeight / 2) stage.scrollIntoView({ block: "start" }); // on a phone it is far below
};
root.querySelector("[data-action=preview]").addEventListener("click", preview);
// Another picture begins in the middle; the same one, made anew, keeps the frame.
const look = () => {
  const { naturalWidth: width, naturalHeight: height } = image();
  if (size && (size.width !== width || size.height !== height)) middle = { x: 0.5, y: 0.5 };
  size = width && height ? { width, height } : null;
  draw();
};
document.addEventListener("load", (event) => event.target === image() && look(), true);
document.addEventListener("sd:measured", ({ detail }) => {
  if (detail.task !== props.task) return;
  moving = Boolean(detail.frames);
  draw();
});
document.addEventListener("sd:picture", ({ detail }) => {
  if (detail.field === props.picture_id && !detail.id) draw();
});
if (image()?.complete && image().naturalWidth) look();
