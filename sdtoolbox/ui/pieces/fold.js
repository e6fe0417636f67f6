// A group of fields below a title that opens and closes it. The title says how many fields inside differ from their
// defaults; a group with a switch says whether it is on.
const group = element.closest(".block.sd-group");
const button = group.querySelector(".sd-fold-button");
const open = (yes) => {
  group.classList.toggle("sd-open", yes);
  button.setAttribute("aria-expanded", String(yes));
};
button.addEventListener("click", () => open(!group.classList.contains("sd-open")));
group.addEventListener("sd:open", () => open(true));
const empty = (value) => value === null || value === undefined || value === "" || JSON.stringify(value) === "{}";
const same = (value, usual) => JSON.stringify(value) === JSON.stringify(usual) || (empty(value) && empty(usual));
const weight = (value) => (Array.isArray(value) ? value.length : 1);
if (given) onValues(props.task, (values) => {
  const changed = Object.entries(given).filter(([name, usual]) => name in values && !same(values[name], usual));
  const count = changed.reduce((sum, [name]) => sum + weight(values[name]), 0);
  const on = props.switched && !empty(values[props.switched]) && values[props.switched] !== false;
  const text = props.switched ? (on ? say("fold.on") : "") : count || "";
  group.querySelector(".sd-fold-note").textContent = text ? ` · ${text}` : "";
});
