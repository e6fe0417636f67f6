// What a form holds is kept by the browser, and told to those pieces of the page that follow other fields. Gradio sends
// events of fields too whose tab was never opened; those say nothing, and neither does a form that is still empty
// because it has not been restored.
const restored = new Set();
const waits = new Map(); // by task: what is to be done once its form is there
const whenRestored = (task, act) => (restored.has(task) ? act() : waits.set(task, [...(waits.get(task) || []), act]));
const lastValues = new Map(); // by task
const formIsThere = (task) => new Promise((resolve) => whenRestored(task, resolve));
const remember = (task, names, list, atOnce) => {
  const before = list.pop();
  if (atOnce) restored.add(task);
  if (!restored.has(task)) return before;
  const values = Object.fromEntries(names.map((name, place) => [name, list[place]]));
  lastValues.set(task, values);
  document.dispatchEvent(new CustomEvent("sd:values", { detail: { task, values } }));
  for (const act of waits.get(task) || []) act();
  waits.delete(task);
  return values;
};
// A piece that comes later, because its tab had not been open, is told what it missed.
const onValues = (task, told) => {
  document.addEventListener("sd:values", ({ detail }) => detail.task === task && told(detail.values));
  if (lastValues.has(task)) told(lastValues.get(task));
};
