// What the scripts of all pieces use. Before it stand the texts of the page's language, by key.
const say = (key, values = {}) =>
  (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const duration = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return say("time.seconds", { n: whole });
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return say("time.minutes", { m: minutes, s: two(whole % 60) });
  return say("time.hours", { h: Math.floor(minutes / 60), m: two(minutes % 60) });
};
// Text only ever becomes text here, never markup: prompts and names come from other people too.
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "sd-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
};
const ICONS = {
  close: "M4 4l8 8M12 4l-8 8",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3",
};
const bytes = (count) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const number = count / 1000 ** power;
  return `${number < 10 && power ? number.toFixed(1) : Math.round(number)} ${units[power]}`;
};
// Other controls are reached by an event on their element, so that no script holds another's state.
const setField = (id, value) =>
  document.getElementById(id)?.querySelector(".sd-field")?.dispatchEvent(new CustomEvent("sd:set", { detail: value }));
// Answers may overtake each other: null says that a later question has been asked meanwhile, or that the server
// is away, which the page says by itself.
const latest = (question) => {
  let asked = 0;
  return async (...values) => {
    const mine = ++asked;
    const answer = await question(...values).catch(() => null);
    return mine === asked ? answer : null;
  };
};
const chosenCheckpoint = () => document.querySelector("#sd-checkpoint .sd-field")?.dataset.value || "";
const copyText = async (words) => {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(words);
  const area = document.body.appendChild(make("textarea", { style: "position:fixed;opacity:0" }, words));
  area.select();
  document.execCommand("copy");
  area.remove();
};
// A folded group opens where something is wrong inside.
const openFold = (node) => node.closest(".block.sd-group")?.dispatchEvent(new CustomEvent("sd:open"));
