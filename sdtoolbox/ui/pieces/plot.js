// The axes of a plot: {x: {field, values}, …, legend, margin}, or null when no axis has a field. What can vary is in
// given; how many pictures that makes, and what is wrong with an axis, is asked from the server.
const AXES = ["x", "y", "z"];
const WAIT = 300; // milliseconds after the last letter
const root = element.querySelector(".sd-field");
const places = element.querySelector(".sd-axes");
const legend = element.querySelector(".sd-plot-legend input");
const margin = element.querySelector(".sd-plot-margin input");
const line = element.querySelector(".sd-plot-count");
const rows = new Map(); // by axis
let form = {};
let timer = null;

const written = (values) =>
  (Array.isArray(values) ? values.map((one) => (/[,"\n]/.test(one) ? `"${String(one).replaceAll('"', '""')}"` : one)).join(", ") : values) ?? "";
const read = () => {
  const plot = {};
  for (const [name, { select, area }] of rows) {
    if (select.value) plot[name] = { field: select.value, values: area.value };
  }
  if (!Object.keys(plot).length) return null;
  return { ...plot, legend: legend.checked, margin: Number(margin.value.trim()) || 0 };
};
const put = () => {
  props.value = read();
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  dress();
  count();
  trigger("input");
};
const known = (field) => given.find((one) => one.value === field) || {};
const dress = () => {
  for (const { select, area, all } of rows.values()) {
    const field = known(select.value);
    area.disabled = !select.value || field.value === "prompt_matrix";
    area.placeholder = field.hint || "";
    area.rows = field.lines || 1;
    all.hidden = !field.all;
  }
};
const rowOf = (name) => {
  const quietly = (event) => {
    event.stopPropagation();
    put();
  };
  const option = ({ value, label }) => make("option", { value }, label);
  const groups = Object.entries({ fields: say("plot.fields"), special: say("plot.special") }).map(([group, label]) =>
    make("optgroup", { label }, ...given.filter((one) => one.group === group).map(option)));
  const select = make("select", {
    class: "sd-input", "data-axis": name, "aria-label": say("plot.field", { axis: name.toUpperCase() }),
    onchange: quietly, oninput: (event) => event.stopPropagation(),
  }, make("option", { value: "" }, say("plot.nothing")), ...groups);
  const area = make("textarea", {
    class: "sd-plot-values", rows: 1, "data-values": name, autocomplete: "off", spellcheck: "false",
    "aria-label": say("plot.values", { axis: name.toUpperCase() }), oninput: quietly,
  });
  const all = make("button", {
    type: "button", class: "sd-button sd-quiet sd-plot-all", hidden: true,
    onclick: () => {
      area.value = known(select.value).all;
      put();
    },
  }, say("plot.all"));
  rows.set(name, { select, area, all });
  return make("div", { class: "sd-axis" },
    make("span", { class: "sd-axis-name", "aria-hidden": "true" }, name.toUpperCase()),
    make("span", { class: "sd-entry" }, select), area, all);
};
const ask = latest((values) => server.count_cells(values));
const count = () => {
  clearTimeout(timer);
  if (!read()) {
    line.textContent = "";
    return;
  }
  timer = setTimeout(async () => {
    const answer = await ask({ ...form, plot: read() });
    if (answer === null) return;
    line.textContent = answer.error || say("plot.count", answer);
    line.classList.toggle("sd-wrong", Boolean(answer.error));
  }, WAIT);
};
const show = () => {
  const value = props.value || {};
  for (const [name, { select, area }] of rows) {
    const axis = value[name] || { field: "", values: "" };
    if (select.value !== axis.field) select.value = axis.field;
    if (area.value !== written(axis.values)) area.value = written(axis.values);
  }
  legend.checked = value.legend ?? true;
  if ((Number(margin.value.trim()) || 0) !== (value.margin || 0)) margin.value = value.margin || "";
  dress();
  count();
};
places.replaceChildren(...AXES.map(rowOf));
legend.addEventListener("change", put);
for (const input of [margin, legend]) input.addEventListener("input", (event) => event.stopPropagation());
margin.addEventListener("input", put);
onValues(props.task, (values) => {
  form = values;
  count();
});
watch("value", show);
show();
