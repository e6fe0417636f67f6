// Over a result: what it was made of, up to a line that one moves, and what of it was masked. `before` is
// {image, mask, margins, window}: ids, how many pixels were added at the left, top, right and bottom, and the part of it
// that was made, if not all was. `starts` says whether the two are compared from the first.
const OTHER_SHAPE = 0.015; // of the aspect: then the two do not lie on each other

const comparison = (stage, image, starts = false) => {
  const box = stage.querySelector(".sd-compare");
  const old = stage.querySelector(".sd-before");
  const masked = stage.querySelector(".sd-masked");
  const range = stage.querySelector(".sd-compare-range");
  const buttons = { compare: stage.querySelector("[data-action=compare]"), mask: stage.querySelector("[data-action=mask]") };
  const on = { compare: starts, mask: false };
  let before = null;
  buttons.compare.setAttribute("aria-pressed", String(starts));

  // What of the picture from before the result shows: its corner there, and how large that is with what was added.
  const part = () => {
    const [left, top, right, bottom] = before.margins;
    const [x, y, toX, toY] = before.window || [0, 0, old.naturalWidth, old.naturalHeight];
    return { x: left - x, y: top - y, width: toX - x + left + right, height: toY - y + top + bottom };
  };

  const fits = () => {
    if (!before || !image.naturalWidth || !old.naturalWidth) return false;
    const { width, height } = part();
    return Math.abs(((width / height) * image.naturalHeight) / image.naturalWidth - 1) <= OTHER_SHAPE;
  };
  const place = () => {
    const can = fits() && !image.hidden;
    buttons.compare.hidden = !can;
    buttons.mask.hidden = !can || !before.mask;
    box.hidden = !can || !(on.compare || (on.mask && before.mask));
    if (box.hidden) return;
    const outer = image.getBoundingClientRect();
    const inner = stage.getBoundingClientRect();
    const fitting = Math.min(outer.width / image.naturalWidth, outer.height / image.naturalHeight);
    const scale = before.window ? 1 : fitting; // a part is looked at in its real size
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    const put = (node, x, y, wide, high) =>
      Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${wide}px`, height: `${high}px` });
    put(box, outer.left - inner.left + (outer.width - width) / 2, outer.top - inner.top + (outer.height - height) / 2, width, height);
    const { x, y, width: wide } = part();
    const share = width / wide;
    for (const node of [old, masked]) {
      put(node, x * share, y * share, old.naturalWidth * share, old.naturalHeight * share);
    }
    old.parentElement.hidden = range.hidden = !on.compare;
    masked.hidden = !on.mask || !before.mask;
    box.style.setProperty("--at", `${range.value}%`);
  };
  for (const [name, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => {
      on[name] = !on[name];
      button.setAttribute("aria-pressed", String(on[name]));
      place();
    });
  }
  range.addEventListener("input", (event) => {
    event.stopPropagation();
    box.style.setProperty("--at", `${range.value}%`);
  });
  old.addEventListener("load", place);
  image.addEventListener("load", place);
  new ResizeObserver(place).observe(stage);
  return (next) => {
    if (JSON.stringify(next) !== JSON.stringify(before)) {
      before = next;
      if (next) old.src = `pictures/${next.image}.png`;
      const address = next?.mask ? `url("masks/${next.mask}.png")` : "";
      Object.assign(masked.style, { maskImage: address });
    }
    place();
  };
};
