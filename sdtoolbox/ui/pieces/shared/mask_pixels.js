// What can be done to a mask as a whole. A mask is bytes [height × width], 255 where a picture is repainted; each
// function gives new bytes. What counts as inside, where that must be decided, is what is at least half opaque.
const INSIDE = 128;

// The distance of each pixel from the inside, in pixels, exactly: P. Felzenszwalb and D. Huttenlocher, Distance
// Transforms of Sampled Functions (2012). Columns first, then the lower envelope of parabolas along each row.
const distances = (mask, width, height) => {
  const far = width + height;
  const found = new Float32Array(mask.length);
  for (let i = 0; i < mask.length; i++) {
    found[i] = mask[i] >= INSIDE ? 0 : i < width ? far : Math.min(far, found[i - width] + 1);
  }
  for (let i = mask.length - width - 1; i >= 0; i--) found[i] = Math.min(found[i], found[i + width] + 1);
  const column = new Float64Array(width);
  const vertex = new Int32Array(width);
  const start = new Float64Array(width + 1);
  for (let row = 0; row < mask.length; row += width) {
    for (let x = 0; x < width; x++) column[x] = found[row + x] ** 2;
    let last = 0;
    vertex[0] = 0;
    start[0] = -Infinity;
    start[1] = Infinity;
    const meeting = (x, at) => (column[x] + x * x - column[at] - at * at) / (2 * (x - at));
    for (let x = 1; x < width; x++) {
      while (meeting(x, vertex[last]) <= start[last]) last -= 1;
      start[last + 1] = meeting(x, vertex[last]);
      vertex[++last] = x;
      start[last + 1] = Infinity;
    }
    for (let x = 0, at = 0; x < width; x++) {
      while (start[at + 1] < x) at += 1;
      found[row + x] = Math.sqrt(column[vertex[at]] + (x - vertex[at]) ** 2);
    }
  }
  return found;
};

const inverted = (mask) => mask.map((value) => 255 - value);
const grown = (mask, width, height, radius) => {
  const distance = distances(mask, width, height);
  const far = distance.length && mask.some((value) => value >= INSIDE);
  // The edge is half a pixel beyond the last one inside, and as smooth as a brush's.
  return far ? mask.map((value, i) => Math.max(value, 255 * Math.min(1, Math.max(0, radius + 1 - distance[i])))) : mask;
};
const shrunk = (mask, width, height, radius) => inverted(grown(inverted(mask), width, height, radius));

// A Gaussian in three box means, which differ from it by less than a grey level shows: W. Wells (1986).
const blurred = (mask, width, height, sigma) => {
  const side = Math.max(1, Math.round((Math.sqrt(4 * sigma ** 2 + 1) - 1) / 2));
  let now = Float32Array.from(mask);
  let next = new Float32Array(mask.length);
  const means = (lines, between, length, step) => {
    for (let line = 0; line < lines; line++) {
      const begin = line * between;
      const at = (place) => now[begin + Math.min(length - 1, Math.max(0, place)) * step];
      let sum = 0;
      for (let place = -side; place <= side; place++) sum += at(place);
      for (let place = 0; place < length; place++) {
        next[begin + place * step] = sum / (2 * side + 1);
        sum += at(place + side + 1) - at(place - side);
      }
    }
    [now, next] = [next, now];
  };
  for (let round = 0; round < 3; round++) {
    means(height, width, width, 1);
    means(width, 1, height, width);
  }
  return Uint8ClampedArray.from(now);
};

// What no path outside the mask leads to from the picture's border becomes inside.
const withoutHoles = (mask, width, height) => {
  const outside = new Uint8Array(mask.length);
  const waiting = [];
  const visit = (i) => {
    if (outside[i] || mask[i] >= INSIDE) return;
    outside[i] = 1;
    waiting.push(i);
  };
  for (let x = 0; x < width; x++) [x, mask.length - width + x].forEach(visit);
  for (let row = 0; row < mask.length; row += width) [row, row + width - 1].forEach(visit);
  while (waiting.length) {
    const i = waiting.pop();
    const x = i % width;
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i < mask.length - width) visit(i + width);
  }
  return mask.map((value, i) => (outside[i] ? value : 255));
};
