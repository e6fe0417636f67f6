// One quiet line below the button: how many steps, how large, and what that took on this machine before.
const line = element.querySelector(".sd-preflight");
let values = null;
let waiting = 0;

const ask = latest((asked) => server.preflight(asked));
const write = async () => {
  if (values === null) return;
  const found = await ask(values);
  if (found === null) return;
  line.hidden = !found.steps;
  const size = { steps: found.steps, width: found.width, height: found.height, n: found.pictures };
  const work = say(found.pictures > 1 ? "preflight.works" : "preflight.work", size);
  const costs = [found.seconds && duration(found.seconds), found.memory && bytes(found.memory)].filter(Boolean);
  line.textContent = costs.length ? say("preflight.costs", { work, costs: costs.join(say("list.between")) }) : work;
};
onValues(props.task, (told) => {
  values = told;
  clearTimeout(waiting);
  waiting = setTimeout(write, 400); // somebody is typing
});
document.addEventListener("sd:finished", write); // the job that has just ended was measured
