// The options of the chosen sampler or schedule: {name: value} of those that were changed. Which there are is known
// of each (given); what was set for another one is kept until it is chosen again, and is not sent meanwhile.
const root = element.querySelector(".sd-field");
const list = element.querySelector(".sd-option-list");
let chosen = props.chosen;
let drawn = null;
const values = () => (props.value && typeof props.value === "object" ? props.value : {});
const read = (text) => {
  const trimmed = String(text).trim();
  const number = Number(trimmed.replace(",", "."));
  return trimmed !== "" && Number.isFinite(number) ? number : trimmed;
};
const put = (name, value) => {
  const next = { ...values() };
  if (value === "" || value === null) delete next[name];
  else next[name] = value;
  props.value = next;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  trigger("input");
};
const said = (value) => (value === undefined ? "" : String(value));
const entry = (option) => {
  const common = { class: "sd-input", "data-option": option.name, "aria-label": option.label };
  if (option.choices.length) {
    const answer = (event) => {
      event.stopPropagation();
      const value = event.target.value;
      put(option.name, value === said(option.default) ? "" : typeof option.default === "boolean" ? value === "true" : value);
    };
    return make("select", { ...common, onchange: answer, oninput: (event) => event.stopPropagation() },
      ...option.choices.map((choice) => make("option", { value: choice }, choice)));
  }
  return make("input", {
    ...common, type: "text", inputmode: "decimal", autocomplete: "off", placeholder: said(option.default),
    title: `${option.minimum} … ${option.maximum}`,
    oninput: (event) => {
      event.stopPropagation();
      put(option.name, read(event.target.value));
    },
  });
};
const show = () => {
  const options = given[chosen] || [];
  if (drawn !== chosen) {
    drawn = chosen;
    list.replaceChildren(...options.map((option) =>
      make("label", { class: "sd-knob" }, make("span", { class: "sd-label" }, option.label),
        make("span", { class: "sd-entry" }, entry(option)))));
    if (!options.length) list.append(make("p", { class: "sd-hint" }, say("options.none")));
  }
  for (const option of options) {
    const input = list.querySelector(`[data-option="${CSS.escape(option.name)}"]`);
    const value = values()[option.name];
    if (option.choices.length) input.value = said(value ?? option.default);
    else if (read(input.value) !== (value ?? "")) input.value = said(value);
  }
};
onValues(props.task, (values) => {
  chosen = values[props.of] || chosen;
  show();
});
watch("value", show);
show();
