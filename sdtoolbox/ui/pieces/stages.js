// The stages of a restoration, in their order: a list of {restorer, strength, blend, options}, handed to the request as
// it is; or the steers of a drawing, {steer, options}. What is known of each restorer or steer, and which options it
// has, is asked from the server.
const root = element.querySelector(".sd-field");
const list = element.querySelector(".sd-stage-list");
const adder = root.querySelector(":scope > .sd-combo");
const none = element.querySelector(".sd-stage-none");
const MOST = 8;
const KEY = props.of; // "restorer" or "steer"
const restores = KEY === "restorer";
const called = (n) => (restores ? say("stages.restorer", { n }) : say("steers.steer", { n }));
const known = new Map(); // what the server said of each id; null for one that is not there
let drawn = ""; // of which rows there are: they stay the same nodes while their numbers change
const stages = () => (Array.isArray(props.value) ? props.value : []);
const nameOf = (id) => known.get(id)?.label ?? (known.has(id) ? id : "…");

const put = (value) => {
  props.value = value;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  draw();
  trigger("input");
};
const change = (place, values) => put(stages().map((one, i) => (i === place ? { ...one, ...values } : one)));
const setOption = (place, name, value) => {
  const options = { ...stages()[place].options };
  if (value === "" || value === null) delete options[name];
  else options[name] = value;
  change(place, { options });
};
const focus = (place, selector) => list.children[place]?.querySelector(selector)?.focus();
const move = (place, by) => {
  const next = [...stages()];
  next.splice(place + by, 0, ...next.splice(place, 1));
  put(next);
  const same = `[data-action=${by < 0 ? "up" : "down"}]`;
  const at = list.children[place + by];
  (at.querySelector(`${same}:not([disabled])`) || at.querySelector("[data-action]:not([disabled])")).focus();
};
const remove = (place) => {
  put(stages().filter((_, i) => i !== place));
  if (stages().length) focus(Math.min(place, stages().length - 1), "[data-action=remove]");
  else adder.querySelector("input").focus();
};

// A row: which restorer, how strongly, how much of it, its own options.
const picker = (place, id) => {
  const at = `${props.input_id}-${place}`;
  const node = make("div", { class: "sd-combo" },
    make("span", { class: "sd-entry" },
      make("input", {
        class: "sd-input", type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
        "aria-controls": `${at}-list`, autocomplete: "off", spellcheck: "false", "aria-label": called(place + 1),
      }),
      make("span", { class: "sd-picker-base" })),
    make("div", { class: "sd-options", hidden: true },
      make("ul", { id: `${at}-list`, role: "listbox", "aria-label": called(place + 1) }),
      make("p", { class: "sd-options-end", role: "status" })));
  combobox(node, {
    selected: () => id,
    find: (text) => server.find({ text }),
    choose: (option) => {
      known.set(option.id, option);
      if (option.id === id) return;
      const strength = option.takes_noise ? stages()[place].strength : 1;
      change(place, { [KEY]: option.id, options: {}, ...(restores ? { strength, diffusion: undefined } : {}) });
      focus(place, "[role=combobox]");
    },
    closed: () => (node.querySelector("input").value = nameOf(id)),
  });
  return node;
};
const button = (action, label, shown, act, disabled = false) => make("button", {
  type: "button", class: "sd-button sd-quiet sd-square", "data-action": action, disabled,
  "aria-label": label, title: label, onclick: act,
}, icon(shown));
const knob = (label, input) =>
  make("label", { class: "sd-stage-knob", title: label }, make("span", {}, label), make("span", { class: "sd-entry" }, input));
const read = (text) => {
  const trimmed = String(text).trim();
  const number = Number(trimmed.replace(",", "."));
  return trimmed !== "" && Number.isFinite(number) ? number : trimmed;
};
const number = (label, key, usual, step, most, set) => knob(label, make("input", {
  class: "sd-input", type: "text", inputmode: "decimal", autocomplete: "off", "data-of": key, placeholder: String(usual),
  "aria-label": label,
  oninput: (event) => {
    event.stopPropagation();
    set(read(event.target.value));
  },
  onkeydown: (event) => {
    const by = { ArrowUp: step, ArrowDown: -step }[event.key];
    if (!by || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const now = Number(read(event.target.value || usual)) || 0;
    const next = Math.round((now + by * (event.shiftKey ? 10 : 1)) * 1000) / 1000;
    set((event.target.value = Math.min(Math.max(next, 0), most)));
  },
}));
const choice = (option, set) => knob(option.label, make("select", {
  class: "sd-input", "data-of": `option-${option.name}`, "aria-label": option.label,
  oninput: (event) => event.stopPropagation(),
  onchange: (event) => {
    event.stopPropagation();
    const value = event.target.value;
    set(value === String(option.default) ? "" : typeof option.default === "boolean" ? value === "true" : value);
  },
}, ...option.choices.map((one) => make("option", { value: one }, one))));
const words = (option, set) => {
  const input = make("input", {
    class: "sd-input", type: "text", autocomplete: "off", "data-of": `option-${option.name}`, "aria-label": option.label,
    oninput: (event) => {
      event.stopPropagation();
      set(event.target.value);
    },
  });
  const node = knob(option.label, input);
  node.classList.add("sd-stage-words");
  return node;
};
const optionOf = (place, option) => {
  const set = (value) => setOption(place, option.name, value);
  if (option.choices.length) return choice(option, set);
  if (typeof option.default === "string") return words(option, set);
  const whole = Number.isInteger(option.default) && Number.isInteger(option.minimum) && option.maximum > 1;
  return number(option.label, `option-${option.name}`, option.default, whole ? 1 : 0.05, option.maximum, set);
};
const row = ({ [KEY]: id }, place, all) => {
  const model = known.get(id);
  const name = nameOf(id);
  const usual = (key) => (value) => change(place, { [key]: value === "" ? 1 : value });
  return make("li", { class: "sd-stage-row", "data-restorer": id, "data-refused": Boolean(model === null || model?.refused) },
    make("div", { class: "sd-stage-head" },
      make("span", { class: "sd-stage-number", "aria-hidden": "true" }, String(place + 1)),
      picker(place, id),
      button("up", say("stages.up", { name }), "up", () => move(place, -1), place === 0),
      button("down", say("stages.down", { name }), "down", () => move(place, 1), place === all.length - 1),
      button("remove", say("stages.remove", { name }), "close", () => remove(place))),
    make("div", { class: "sd-stage-knobs" },
      model?.takes_noise ? number(say("stages.strength"), "strength", 1, 0.05, 4, usual("strength")) : null,
      restores ? number(say("stages.blend"), "blend", 1, 0.05, 1, usual("blend")) : null,
      ...(model?.options || []).map((option) => optionOf(place, option))),
    make("p", { class: "sd-adapter-refused", hidden: !(model === null || model?.refused) },
      model === null ? say("picker.gone") : model?.refused || ""));
};
const fill = (node, stage) => {
  const model = known.get(stage[KEY]);
  const combo = node.querySelector("[role=combobox]");
  if (document.activeElement !== combo) combo.value = nameOf(stage[KEY]);
  node.querySelector(".sd-picker-base").textContent = model?.base || "";
  for (const input of node.querySelectorAll("[data-of]")) {
    const [, option] = input.dataset.of.match(/^option-(.*)$/) || [];
    const own = option ? stage.options?.[option] : stage[input.dataset.of];
    const value = own ?? (input.tagName === "SELECT" ? model.options.find((one) => one.name === option)?.default : "");
    if (document.activeElement !== input || input.tagName === "SELECT") input.value = String(value);
  }
};
const draw = () => {
  const all = stages();
  const shape = JSON.stringify(all.map(({ [KEY]: id }) => [id, known.get(id) ?? known.has(id)]));
  if (shape !== drawn) {
    drawn = shape;
    list.replaceChildren(...all.map(row));
  }
  all.forEach((stage, place) => fill(list.children[place], stage));
  none.hidden = all.length > 0;
  adder.hidden = all.length >= MOST;
  root.dataset.value = JSON.stringify(all);
};
const ask = latest(() => server.look({ ids: [...new Set(stages().map((one) => one[KEY]))] }));
const look = async () => {
  draw();
  if (!stages().some((one) => !known.get(one[KEY]))) return;
  const answer = await ask();
  if (answer === null) return;
  for (const [id, model] of Object.entries(answer)) known.set(id, model);
  draw();
};
combobox(adder, {
  find: (text) => server.find({ text }),
  choose: (option) => {
    known.set(option.id, option);
    put([...stages(), { [KEY]: option.id, options: {}, ...(restores ? { strength: 1, blend: 1 } : {}) }]);
    focus(stages().length - 1, "[data-of]");
  },
  closed: () => (adder.querySelector("input").value = ""),
});
document.addEventListener("sd:models", look);
watch("value", look);
look();
