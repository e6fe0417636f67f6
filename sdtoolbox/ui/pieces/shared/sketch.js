// Painting colours on a picture, in a window of its own: gives the picture with the strokes as a PNG, or null.
const sketch = (image) => new Promise((resolve) => {
  const paint = paintCanvas(image.naturalWidth, image.naturalHeight);
  const largest = Math.round(Math.max(paint.width, paint.height) / 3);
  let last = null;
  let moving = false;

  const colour = make("input", { type: "color", class: "sd-colour", value: "#d33c2e", title: say("sketch.colour"), "aria-label": say("sketch.colour") });
  const size = make("input", {
    type: "range", class: "sd-range sd-mask-size", min: 1, max: largest, value: Math.max(2, Math.round(largest / 10)),
    title: say("mask.size"), "aria-label": say("mask.size"),
  });
  const button = (key, action, more = {}) => make("button", { type: "button", class: "sd-button", onclick: action, ...more }, say(key));
  const canvas = make("canvas", { class: "sd-mask-canvas", tabindex: 0, role: "img", "aria-label": say("picture.sketch_help") });
  const resize = (next) => {
    size.value = Math.max(1, Math.round(next));
    size.style.setProperty("--share", (size.value - 1) / (largest - 1));
    view.refresh();
  };
  const dress = () => {
    undo.disabled = !paint.canUndo();
    redo.disabled = !paint.canRedo();
    view.refresh();
  };
  const step = (did) => did && dress();
  const undo = button("sketch.undo", () => step(paint.undo()));
  const redo = button("sketch.redo", () => step(paint.redo()));
  const clear = button("mask.erase", () => step(paint.put(new Uint8ClampedArray(paint.width * paint.height))));
  const close = (picture) => {
    dialog.remove();
    resolve(picture);
  };
  const finish = async () => close(paint.canUndo() ? await paint.picture(image) : null);
  const dialog = make("dialog", { class: "sd-sketch", "aria-label": say("picture.sketch_help") },
    make("div", { class: "sd-mask-bar" }, colour, size, undo, redo, clear,
      make("span", { class: "sd-mask-zoom" },
        button("sketch.further", () => view.zoom(1 / 1.5), { "aria-label": say("mask.further") }),
        button("sketch.nearer", () => view.zoom(1.5), { "aria-label": say("mask.nearer") })),
      button("sketch.cancel", () => close(null)), button("sketch.done", finish, { class: "sd-button sd-accent" })),
    make("div", { class: "sd-mask-frame" }, canvas));
  const to = (point) => {
    paint.stroke(last, point, Number(size.value), colour.value);
    last = point;
  };
  const view = canvasView(canvas, {
    draw(context, place, hover) {
      drawPicture(context, image, place, paint.width, paint.height);
      drawPicture(context, paint.canvas, place, paint.width, paint.height);
      if (hover && !moving) drawBrush(context, place, hover, Number(size.value));
    },
    tool: {
      pans: () => moving,
      begin(point) {
        paint.begin();
        last = point;
        to(point);
      },
      move: (point) => last && to(point),
      end(point) {
        to(point);
        last = null;
        paint.end();
        dress();
      },
      cancel() {
        paint.cancel();
        last = null;
      },
    },
  });
  size.addEventListener("input", () => resize(Number(size.value)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const closer = event.deltaY < 0;
    if (event.ctrlKey || event.metaKey) resize(closer ? Number(size.value) * 1.1 + 1 : size.value / 1.1 - 1);
    else view.zoom(closer ? 1.2 : 1 / 1.2, view.onCanvas(event));
  }, { passive: false });
  dialog.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === "z") (event.shiftKey ? redo : undo).click();
    else if (event.key === "[") resize(size.value / 1.1 - 1);
    else if (event.key === "]") resize(Number(size.value) * 1.1 + 1);
    else if (event.key === " " && event.target === canvas) moving = true;
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("keyup", (event) => (moving = event.key === " " ? false : moving));
  dialog.addEventListener("cancel", () => close(null)); // the Escape key
  document.querySelector(".sd-tabs").append(dialog); // where our styles reach
  dialog.showModal();
  view.show(paint);
  resize(Number(size.value));
  dress();
});
