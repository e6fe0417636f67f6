// A window onto something that is painted on: zoom, pan, and what pointers do in it, in pixels of the picture. A finger,
// a pen and a mouse are pointers all alike; two fingers move and zoom. `draw(context, place)` paints what is seen, where
// place is {scale, x, y} in pixels of the canvas; `tool` has begin, move, end and cancel, which take a point.
const MOST_ZOOM = 32; // times

const canvasView = (canvas, { draw, tool, resized = () => {} }) => {
  const context = canvas.getContext("2d");
  const place = { scale: 1, x: 0, y: 0 };
  const fingers = new Map(); // pointers that are down, by id
  let picture = { width: 1, height: 1 };
  let fitted = true;
  let held = null; // what the pointer that is down does: "paint" or "pan"
  let pinch = null;
  let hover = null; // where the mouse is, for the brush's outline
  let waiting = 0;

  const paint = () => {
    waiting = 0;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    draw(context, place, hover);
  };
  const refresh = () => (waiting ||= requestAnimationFrame(paint));
  const least = () => Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const fit = () => {
    fitted = true;
    place.scale = least();
    place.x = (canvas.width - picture.width * place.scale) / 2;
    place.y = (canvas.height - picture.height * place.scale) / 2;
    refresh();
  };
  const within = (at, length, room) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at)));
  const settle = () => {
    place.x = within(place.x, picture.width * place.scale, canvas.width);
    place.y = within(place.y, picture.height * place.scale, canvas.height);
    refresh();
  };
  const zoom = (times, at = { x: canvas.width / 2, y: canvas.height / 2 }) => {
    const scale = Math.min(Math.max(place.scale * times, least()), Math.max(least(), MOST_ZOOM));
    place.x = at.x - ((at.x - place.x) * scale) / place.scale;
    place.y = at.y - ((at.y - place.y) * scale) / place.scale;
    place.scale = scale;
    fitted = scale <= least() * 1.001;
    settle();
  };
  const pan = (x, y) => {
    place.x += x;
    place.y += y;
    settle();
  };
  const onCanvas = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) * canvas.width) / box.width, y: ((event.clientY - box.top) * canvas.height) / box.height };
  };
  const onPicture = (event) => {
    const at = onCanvas(event);
    return { x: (at.x - place.x) / place.scale, y: (at.y - place.y) / place.scale };
  };
  const spread = () => {
    const [one, other] = [...fingers.values()];
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, wide: Math.hypot(one.x - other.x, one.y - other.y) || 1 };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, onCanvas(event));
    if (fingers.size === 2) {
      if (held === "paint") tool.cancel();
      held = null;
      pinch = spread();
    } else if (fingers.size === 1) {
      held = event.button === 1 || tool.pans() ? "pan" : "paint";
      if (held === "paint") tool.begin(onPicture(event), event);
    }
    refresh();
  });
  canvas.addEventListener("pointermove", (event) => {
    hover = event.pointerType === "touch" ? null : onPicture(event);
    const last = fingers.get(event.pointerId);
    if (last) {
      const now = onCanvas(event);
      fingers.set(event.pointerId, now);
      if (pinch && fingers.size === 2) {
        const next = spread();
        pan(next.x - pinch.x, next.y - pinch.y);
        zoom(next.wide / pinch.wide, next);
        pinch = next;
      } else if (held === "pan") pan(now.x - last.x, now.y - last.y);
      else if (held === "paint") {
        const moves = event.getCoalescedEvents?.() || [];
        for (const move of moves.length ? moves : [event]) tool.move(onPicture(move), move);
      }
    }
    refresh();
  });
  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (fingers.size < 2) pinch = null;
    if (held === "paint") event.type === "pointercancel" ? tool.cancel() : tool.end(onPicture(event), event);
    if (fingers.size === 0 || held === "paint") held = null;
    refresh();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => {
    hover = null;
    refresh();
  });
  new ResizeObserver(() => {
    const sharp = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * sharp), Math.round(canvas.clientHeight * sharp)];
    if (!width || !height || (canvas.width === width && canvas.height === height)) return;
    canvas.width = width;
    canvas.height = height;
    if (fitted || place.scale < least()) fit();
    else settle();
    resized();
  }).observe(canvas);

  return {
    place, refresh, fit, zoom, pan, onCanvas,
    show(next) {
      picture = next;
      fit();
    },
  };
};

// The picture below what is painted: smooth from afar, its pixels seen from near.
const drawPicture = (context, image, { scale, x, y }, width, height) => {
  context.imageSmoothingEnabled = scale < 3 * (window.devicePixelRatio || 1);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x, y, width * scale, height * scale);
};
// Outlines that are seen on light and on dark: of a brush, and of a box.
const outline = (context, trace) => {
  for (const [colour, wider] of [["#000", 1], ["#fff", 0]]) {
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    trace(wider);
    context.stroke();
  }
};
const drawBrush = (context, { scale, x, y }, at, size) => outline(context, (wider) =>
  context.arc(x + at.x * scale, y + at.y * scale, Math.max(1, (size * scale) / 2) + wider, 0, 2 * Math.PI));
const drawBox = (context, { scale, x, y }, one, other) => outline(context, (wider) =>
  context.rect(x + one.x * scale - wider, y + one.y * scale - wider, (other.x - one.x) * scale, (other.y - one.y) * scale));
