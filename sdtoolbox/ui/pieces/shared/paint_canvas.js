// Something that is painted on, of a fixed size, with what can be taken back. A mask is white of some opacity.
const LONGEST_MEMORY = 96e6; // bytes of pixels that undo may hold

const everyFourth = (data, first) => {
  const found = new Uint8ClampedArray(data.length / 4);
  for (let i = 0; i < found.length; i++) found[i] = data[4 * i + first];
  return found;
};

const paintCanvas = (width, height) => {
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const before = make("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  let done = []; // {x, y, from, to}: what a stroke changed, as pixels
  let undone = [];
  let touched = null; // what the stroke in hand has changed so far: [left, top, right, bottom]

  const begin = () => {
    before.clearRect(0, 0, width, height);
    before.drawImage(canvas, 0, 0);
    touched = [width, height, 0, 0];
  };
  const touch = (left, top, right, bottom) => {
    touched = [Math.min(touched[0], left), Math.min(touched[1], top), Math.max(touched[2], right), Math.max(touched[3], bottom)];
  };
  const end = () => {
    const [left, top] = touched.slice(0, 2).map((place) => Math.max(0, Math.floor(place)));
    const [right, bottom] = [Math.min(width, Math.ceil(touched[2])), Math.min(height, Math.ceil(touched[3]))];
    touched = null;
    if (right <= left || bottom <= top) return false;
    const box = [left, top, right - left, bottom - top];
    done.push({ x: left, y: top, from: before.getImageData(...box), to: context.getImageData(...box) });
    undone = [];
    let held = done.reduce((sum, one) => sum + 2 * one.from.data.length, 0);
    while (held > LONGEST_MEMORY && done.length > 1) held -= 2 * done.shift().from.data.length;
    return true;
  };
  const cancel = () => {
    touched = null;
    context.clearRect(0, 0, width, height);
    context.drawImage(before.canvas, 0, 0);
  };
  const step = (from, to, pixels) => {
    const change = from.pop();
    if (!change) return false;
    context.putImageData(change[pixels], change.x, change.y);
    to.push(change);
    return true;
  };
  // A round brush along a line; with the colour null it takes away.
  const stroke = (from, to, size, colour) => {
    context.save();
    context.globalCompositeOperation = colour === null ? "destination-out" : "source-over";
    context.strokeStyle = colour ?? "#fff";
    context.lineWidth = size;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y + 1e-3); // a line without any length would not be drawn
    context.stroke();
    context.restore();
    const reach = size / 2 + 1;
    touch(Math.min(from.x, to.x) - reach, Math.min(from.y, to.y) - reach, Math.max(from.x, to.x) + reach, Math.max(from.y, to.y) + reach);
  };
  const opacity = () => {
    const { data } = context.getImageData(0, 0, width, height);
    return everyFourth(data, 3);
  };
  return {
    canvas, context, width, height, begin, end, cancel, stroke, opacity,
    undo: () => step(done, undone, "from"),
    redo: () => step(undone, done, "to"),
    canUndo: () => done.length > 0,
    canRedo: () => undone.length > 0,
    // White with this opacity in place of everything, as one change.
    put(mask) {
      begin();
      const pixels = new ImageData(width, height);
      pixels.data.fill(255);
      for (let i = 0; i < mask.length; i++) pixels.data[4 * i + 3] = mask[i];
      context.putImageData(pixels, 0, 0);
      touch(0, 0, width, height);
      return end();
    },
    isEmpty: () => !opacity().some((value) => value > 0),
    // As a picture on a ground: "#000" makes a mask of it.
    picture: (ground) => new Promise((resolve) => {
      const flat = make("canvas", { width, height });
      const pen = flat.getContext("2d");
      if (typeof ground === "string") {
        pen.fillStyle = ground;
        pen.fillRect(0, 0, width, height);
      } else pen.drawImage(ground, 0, 0, width, height);
      pen.drawImage(canvas, 0, 0);
      flat.toBlob(resolve, "image/png");
    }),
  };
};

// What a grey picture of a mask says, as bytes of this size.
const bytesOfMask = (image, width, height) => {
  const pen = make("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0, width, height);
  return everyFourth(pen.getImageData(0, 0, width, height).data, 0);
};
