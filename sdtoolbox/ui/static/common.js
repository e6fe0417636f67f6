// Put before each of the other scripts. A script is the body of a function of
// (element, trigger, props, server, upload, watch): see gr.HTML's js_on_load.
const texts = props.texts || {};
const say = (key, values = {}) =>
  (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
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
  stop: "M4.5 4.5h7v7h-7z",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
  open: "M9.5 2.5h4v4M13.5 2.5l-6 6M11.5 9v4.5h-9v-9H7",
  seed: "M8 13.5V8M8 8C8 5 6 3.5 3 3.5 3 6.500 5 8 8 8zM8 10c0-2.500 1.800-4 5-4 0 2.800-2 4-5 4z",
  again: "M13 8a5 5 0 1 1-1.500-3.600M13 2.500v3h-3",
};
const duration = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return say("time.seconds", { n: whole });
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return say("time.minutes", { m: minutes, s: two(whole % 60) });
  return say("time.hours", { h: Math.floor(minutes / 60), m: two(minutes % 60) });
};
// Other controls are reached by an event on their element, so that no script holds another's state.
const setField = (id, value) =>
  document.getElementById(id)?.querySelector(".sd-field")?.dispatchEvent(new CustomEvent("sd:set", { detail: value }));
