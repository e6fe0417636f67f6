// Aspect buttons and the swap: they set width and height, about as many pixels as the checkpoint's own size has.
const own = () => props.value || { width: 512, height: 512 };
const sizeFor = (x, y) => {
  const { width, height } = own();
  if (x === y && width === height) return [width, height];
  const grid = width * height < 256 * 256 ? 8 : 64;
  const snap = (length) => Math.max(grid, Math.round(length / grid) * grid);
  const area = width * height;
  return [snap(Math.sqrt((area * x) / y)), snap(Math.sqrt((area * y) / x))];
};
const label = () => {
  for (const button of element.querySelectorAll("[data-ratio]")) {
    const [width, height] = sizeFor(...button.dataset.ratio.split(":").map(Number));
    button.title = `${width} × ${height}`;
  }
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.action === "swap") {
    const value = (id) => Number(document.getElementById(id)?.querySelector(".sd-input")?.value) || null;
    const [width, height] = [value(props.width_id), value(props.height_id)];
    setField(props.width_id, height);
    setField(props.height_id, width);
  } else {
    const [width, height] = sizeFor(...button.dataset.ratio.split(":").map(Number));
    setField(props.width_id, width);
    setField(props.height_id, height);
  }
});
watch("value", label);
label();
