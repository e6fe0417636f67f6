// One line below a picture: what was measured in it, what would be done about that, and how large the result becomes.
// It follows the form; what is wrong is said at the field.
const WAIT = 300; // milliseconds: somebody is typing
const NO_JPEG = 100;
const line = element.querySelector(".sd-measured");
const fieldOf = (name) => document.getElementById(`${props.task}-${name}`);
let values = {};
let timer = null;
let blamed = null; // the field at which this line has said what is wrong

const isGiven = (value) => value !== null && value !== undefined && value !== "";
const ask = latest(async (asked) => {
  const body = JSON.stringify(Object.fromEntries(Object.entries(asked).filter(([, value]) => isGiven(value))));
  const answer = await fetch(`measure/${props.task}`, { method: "POST", body, headers: { "content-type": "application/json" } });
  return [answer.ok, await answer.json()];
});
const nameOf = ({ id, name }) => texts[`choice.restorers.${id}`] ?? texts[`choice.restorers.${name}`] ?? name;
const write = ({ noise, jpeg_quality: quality, stages, width, height, frames }) => {
  const damage = [
    ...(frames ? [say("measured.frames", { n: frames })] : []),
    say(isGiven(values.noise) ? "measured.noise_given" : "measured.noise", { n: Number(noise.toFixed(1)) }),
    quality < NO_JPEG ? say(isGiven(values.jpeg_quality) ? "measured.jpeg_given" : "measured.jpeg", { n: quality }) : say("measured.no_jpeg"),
  ].join(" · ");
  const done = stages.length ? stages.map(nameOf).join(say("list.between")) : say("measured.nothing");
  line.replaceChildren(
    make("span", { class: "sd-measured-damage" }, damage),
    make("span", { class: "sd-measured-stages" }, `→ ${done}`), " ",
    make("span", { class: "sd-measured-size" }, `→ ${width}×${height}`));
};
// An empty number shows what it means.
const propose = (name, value) =>
  fieldOf(name)?.querySelector(".sd-field")?.dispatchEvent(new CustomEvent("sd:proposed", { detail: value }));
const forgive = () => {
  if (blamed) clearProblem(blamed);
  blamed = null;
};
const blame = (error) => {
  const text = sentences(error);
  const block = error.field ? fieldOf(error.field) : null;
  if (block) showProblem((blamed = block), text);
  line.replaceChildren(block ? "" : text);
};
const measure = async () => {
  const asked = values;
  const found = await ask(asked);
  if (found === null) return;
  const [good, answer] = found;
  forgive();
  line.hidden = !isGiven(values.image);
  line.removeAttribute("aria-busy");
  if (!good) return blame(answer);
  write(answer);
  document.dispatchEvent(new CustomEvent("sd:measured", { detail: { task: props.task, frames: answer.frames } }));
  if (!isGiven(asked.noise)) propose("noise", answer.noise);
  if (!isGiven(asked.jpeg_quality)) propose("jpeg_quality", answer.jpeg_quality);
};
onValues(props.task, (told) => {
  const other = told.image !== values.image;
  values = told;
  clearTimeout(timer);
  if (!isGiven(values.image)) {
    forgive();
    line.hidden = true;
    for (const name of ["noise", "jpeg_quality"]) propose(name, "");
    return;
  }
  if (other) {
    line.hidden = false;
    line.setAttribute("aria-busy", "true");
    line.textContent = say("measured.measuring");
  }
  timer = setTimeout(measure, WAIT);
});
document.addEventListener("sd:models", () => isGiven(values.image) && measure());
