// Many pictures at once: each file is sent and becomes a job of its own, with the form's values.
const FULL_AGAIN = 3000; // milliseconds until a full queue is asked again
const own = element.querySelector(".sd-batch-own input");
const go = element.querySelector(".sd-batch-go");
const start = element.querySelector("[data-action=start]");
const stop = element.querySelector("[data-action=stop]");
const line = element.querySelector(".sd-batch-line");
const refusals = element.querySelector(".sd-batch-refused");
let files = [];
let running = false;
let answered = () => {};

const dress = (text) => {
  line.textContent = text;
  start.hidden = running || files.length === 0;
  stop.hidden = !running;
};
const refuse = (name, text) => {
  refusals.hidden = false;
  refusals.append(make("li", {}, make("b", {}, name), ` ${text}`));
};
const choose = (list) => {
  files = [...list].filter((file) => isTaken(file, element.closest(".sd-task"))).sort((one, other) => nameOf(one).localeCompare(nameOf(other), undefined, { numeric: true }));
  refusals.replaceChildren();
  refusals.hidden = true;
  go.hidden = false;
  dress(files.length ? say("batch.chosen", { n: files.length }) : say("batch.none"));
};
const nameOf = (file) => file.webkitRelativePath || file.name;
const submit = (picture) => new Promise((resolve) => {
  answered = resolve;
  trigger("submit", { picture, own: own.checked });
});
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

// What became of a file: nothing to say, or a sentence.
const queued = async (file) => {
  const { id } = await uploadFile(file);
  while (running) {
    const { code, problem } = await submit(id);
    if (code !== "QUEUE_FULL") return problem;
    await pause(FULL_AGAIN);
  }
  return say("batch.stopped");
};
const run = async () => {
  if (running) return;
  running = true;
  const wait = settled(props.task); // a mask that is still on its way
  if (wait && !(await wait)) return void (running = false);
  const all = files;
  let done = 0;
  for (const [place, file] of all.entries()) {
    dress(say("batch.progress", { n: done, total: all.length }));
    const problem = await queued(file).catch((error) => error.message);
    if (problem) refuse(nameOf(file), problem);
    else done += 1;
    files = all.slice(place + 1);
    if (!running) break;
  }
  running = false;
  dress(say("batch.progress", { n: done, total: all.length }));
};
start.addEventListener("click", run);
stop.addEventListener("click", () => (running = false));
for (const input of element.querySelectorAll("input")) {
  input.addEventListener("input", (event) => event.stopPropagation());
  if (input.type !== "file") continue;
  input.addEventListener("change", (event) => {
    event.stopPropagation();
    if (!running) choose(input.files);
    input.value = "";
  });
}
watch("value", () => answered(props.value || {}));
