// The tools of a mask over its picture: brush, eraser, selecting by a click, moving; and what is done to all of it.
const OVERLAY = 0.72; // how much of the picture the mask hides
const STRIPE = 6; // pixels of the screen: white and dark in turn are seen on any picture

const stripes = () => {
  const tile = make("canvas", { width: 2 * STRIPE, height: 2 * STRIPE });
  const pen = tile.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, 2 * STRIPE, 2 * STRIPE);
  pen.strokeStyle = "#333a";
  pen.lineWidth = STRIPE / 2;
  for (const shift of [-2, 0, 2]) {
    pen.beginPath();
    pen.moveTo((shift - 1) * STRIPE, 3 * STRIPE);
    pen.lineTo((shift + 3) * STRIPE, -STRIPE);
    pen.stroke();
  }
  return tile;
};

const CLICK = 5; // pixels of the screen; a longer way is a box

// `changed()` is called after everything that changes the mask; `select({points, box})` gives a picture of what is there.
const maskEditor = (root, { changed, select }) => {
  const canvas = root.querySelector(".sd-mask-canvas");
  const sizeField = root.querySelector(".sd-mask-size");
  const amountField = root.querySelector(".sd-mask-amount");
  const button = (action) => root.querySelector(`[data-action=${action}]`);
  const layer = make("canvas").getContext("2d");
  const pattern = layer.createPattern(stripes(), "repeat");
  let image = null;
  let mask = paintCanvas(1, 1);
  let tool = "brush";
  let last = null; // where the stroke in hand is
  let corner = null; // where the box in hand began
  let overlay = true;
  let moving = false; // the space key is down

  const size = () => Number(sizeField.value);
  const amount = () => Math.min(256, Math.max(1, Math.round(Number(amountField.value)) || 8));
  const dress = () => {
    button("undo").disabled = !mask.canUndo();
    button("redo").disabled = !mask.canRedo();
    view.refresh();
  };
  const done = (did) => {
    dress();
    if (did) changed();
  };
  const draw = (context, place, hover) => {
    if (!image) return;
    drawPicture(context, image, place, mask.width, mask.height);
    if (overlay) {
      const { width, height } = context.canvas;
      Object.assign(layer.canvas, { width, height });
      layer.drawImage(mask.canvas, place.x, place.y, mask.width * place.scale, mask.height * place.scale);
      layer.globalCompositeOperation = "source-in";
      layer.fillStyle = pattern;
      layer.fillRect(0, 0, width, height);
      context.globalAlpha = OVERLAY;
      context.drawImage(layer.canvas, 0, 0);
      context.globalAlpha = 1;
    }
    if (corner && hover) drawBox(context, place, corner, hover);
    if (hover && ["brush", "eraser"].includes(tool) && !moving) drawBrush(context, place, hover, size());
  };
  const to = (point) => {
    mask.stroke(last, point, size(), tool === "eraser" ? null : "#fff");
    last = point;
  };
  const view = canvasView(canvas, {
    draw,
    tool: {
      pans: () => tool === "pan" || moving,
      begin(point) {
        if (tool === "select") return void (corner = point);
        mask.begin();
        last = point;
        to(point);
      },
      move: (point) => last && to(point),
      end(point, event) {
        if (tool === "select") return pick(point, event.altKey);
        to(point);
        last = null;
        done(mask.end());
      },
      cancel() {
        if (last) mask.cancel();
        last = corner = null;
      },
    },
  });
  // A click is a point; what is drawn around something is a box, with its middle for a point.
  const pick = async (point, away) => {
    const [one, other] = [corner, point].map(({ x, y }) =>
      [Math.min(mask.width - 1, Math.max(0, Math.floor(x))), Math.min(mask.height - 1, Math.max(0, Math.floor(y)))]);
    corner = null;
    const far = Math.max(...one.map((at, axis) => Math.abs(at - other[axis]))) * view.place.scale > CLICK;
    const box = [...one.map((at, axis) => Math.min(at, other[axis])), ...one.map((at, axis) => Math.max(at, other[axis]) + 1)];
    const middle = [Math.floor((box[0] + box[2]) / 2), Math.floor((box[1] + box[3]) / 2)];
    const here = mask;
    root.dataset.busy = true;
    const found = await select({ points: [middle], ...(far ? { box } : {}) }).finally(() => delete root.dataset.busy);
    if (!found || mask !== here) return; // another picture has come meanwhile
    const chosen = bytesOfMask(found, mask.width, mask.height);
    const join = (value, i) => (away ? Math.min(value, 255 - chosen[i]) : Math.max(value, chosen[i]));
    done(mask.put(mask.opacity().map(join)));
  };

  const OPERATIONS = {
    invert: (bytes) => inverted(bytes),
    grow: (bytes) => grown(bytes, mask.width, mask.height, amount()),
    shrink: (bytes) => shrunk(bytes, mask.width, mask.height, amount()),
    soften: (bytes) => blurred(bytes, mask.width, mask.height, amount() / 2),
    fill: (bytes) => withoutHoles(bytes, mask.width, mask.height),
    erase: (bytes) => bytes.map(() => 0),
  };
  const ACTIONS = {
    undo: () => done(mask.undo()),
    redo: () => done(mask.redo()),
    nearer: () => view.zoom(1.5),
    further: () => view.zoom(1 / 1.5),
    fit: () => view.fit(),
    overlay() {
      overlay = !overlay;
      button("overlay").setAttribute("aria-pressed", String(overlay));
      view.refresh();
    },
    full: () => full(!root.classList.contains("sd-full")),
  };
  const full = (yes) => {
    root.classList.toggle("sd-full", yes);
    button("full").setAttribute("aria-pressed", String(yes));
    document.documentElement.classList.toggle("sd-has-full", yes);
    view.fit();
  };
  const choose = (name) => {
    tool = name;
    root.dataset.tool = name;
    for (const one of root.querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.dataset.tool === name));
    view.refresh();
  };
  const resize = (next) => {
    sizeField.value = Math.max(1, Math.round(next));
    sizeField.style.setProperty("--share", (size() - sizeField.min) / (sizeField.max - sizeField.min));
    view.refresh();
  };
  const larger = () => resize(size() * 1.1 + 1);
  const smaller = () => resize(size() / 1.1 - 1);

  root.addEventListener("click", (event) => {
    const { tool: wanted, action } = event.target.closest("button")?.dataset || {};
    if (wanted) choose(wanted);
    if (ACTIONS[action]) ACTIONS[action]();
    if (OPERATIONS[action]) done(mask.put(OPERATIONS[action](mask.opacity())));
  });
  sizeField.addEventListener("input", () => resize(size()));
  canvas.addEventListener("wheel", (event) => {
    const closer = event.deltaY < 0;
    if (event.ctrlKey || event.metaKey) closer ? larger() : smaller();
    else if (root.classList.contains("sd-full") || event.altKey) view.zoom(closer ? 1.2 : 1 / 1.2, view.onCanvas(event));
    else return; // the page scrolls
    event.preventDefault();
  }, { passive: false });
  const KEYS = { b: () => choose("brush"), e: () => choose("eraser"), s: () => choose("select"), h: () => choose("pan"),
    "[": smaller, "]": larger, "+": ACTIONS.nearer, "-": ACTIONS.further, 0: ACTIONS.fit, f: ACTIONS.full };
  root.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.target.matches("input:not([type=range]), select") && event.key !== "Escape") return;
    if (control && event.key.toLowerCase() === "z") ACTIONS[event.shiftKey ? "redo" : "undo"]();
    else if (control && event.key.toLowerCase() === "y") ACTIONS.redo();
    else if (event.key === "Escape" && root.classList.contains("sd-full")) full(false);
    else if (event.key === " " && event.target === canvas) moving = true;
    else if (!control && !event.altKey && KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("keyup", (event) => (moving = event.key === " " ? false : moving));
  canvas.addEventListener("blur", () => (moving = false));
  choose(tool);

  return {
    mask: () => mask,
    isPainting: () => last !== null,
    // The mask stays over a picture of the same size, and is empty over another one: true if something was lost.
    showPicture(next) {
      image = next;
      const { naturalWidth: width, naturalHeight: height } = next;
      const fits = width === mask.width && height === mask.height;
      const lost = !fits && mask.width > 1 && !mask.isEmpty();
      if (!fits) mask = paintCanvas(width, height);
      canvas.parentElement.style.setProperty("--ratio", width / height);
      sizeField.max = Math.max(32, Math.round(Math.max(width, height) / 3));
      resize(fits ? size() : Math.max(4, Math.max(width, height) / 12));
      view.show(mask);
      dress();
      return lost;
    },
    // A picture of a mask in place of what is drawn; false if its shape is another one.
    showMask(picture) {
      const shape = (width, height) => width / height;
      const ratio = shape(picture.naturalWidth, picture.naturalHeight) / shape(mask.width, mask.height);
      if (Math.abs(ratio - 1) > 0.01) return false;
      mask.put(bytesOfMask(picture, mask.width, mask.height));
      dress();
      return true;
    },
  };
};
