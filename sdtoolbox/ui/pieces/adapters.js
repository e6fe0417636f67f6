// The adapters of a task: a list of {adapter, weight, text_weight, blocks}, handed to the request as it is. What is
// known of each, and whether it fits the checkpoint chosen, is asked from the server.
const root = element.querySelector(".sd-field");
const list = element.querySelector(".sd-adapter-list");
const RANGE = 2; // where the sliders end; more can be typed
const known = new Map(); // what the server said of each id; null for one that is not there
const rows = new Map(); // by id
const chosen = () => (Array.isArray(props.value) ? props.value : []);
const read = (text) => {
  const number = Number(text.trim().replace(",", "."));
  return text.trim() === "" ? null : Number.isFinite(number) ? number : text.trim();
};

const put = (value) => {
  props.value = value;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  draw();
  trigger("input");
};
const change = (id, values) => put(chosen().map((one) => (one.adapter === id ? { ...one, ...values } : one)));
const remove = (id) => put(chosen().filter((one) => one.adapter !== id));
const add = (id, weight = 1) => {
  if (!chosen().some((one) => one.adapter === id)) {
    put([...chosen(), { adapter: id, weight, text_weight: null, blocks: "" }]);
  }
  rows.get(id)?.querySelector(".sd-weight")?.focus();
};

// Rows stay the same nodes while their numbers change, so that nobody loses the place where they type.
const rowOf = (id) => {
  const number = (name, label, placeholder = "") => {
    const input = make("input", {
      class: `sd-input sd-weight sd-weight-${name}`, type: "text", inputmode: "decimal", autocomplete: "off", placeholder,
      "aria-label": say(label),
      oninput: (event) => {
        event.stopPropagation();
        change(id, { [name]: read(event.target.value) });
      },
      onkeydown: (event) => {
        const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
        if (!by || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const current = Number(read(event.target.value) ?? one(id).weight) || 0;
        change(id, { [name]: Math.round((current + by * (event.shiftKey ? 10 : 1)) * 100) / 100 });
      },
    });
    return make("label", { class: "sd-entry", title: say(label) }, input);
  };
  const slider = make("input", {
    class: "sd-range", type: "range", min: -RANGE, max: RANGE, step: 0.05, tabindex: "-1", "aria-hidden": "true",
    oninput: (event) => {
      event.stopPropagation();
      change(id, { weight: Number(event.target.value) });
    },
  });
  return make("li", { class: "sd-adapter", "data-id": id },
    make("div", { class: "sd-adapter-head" },
      make("span", { class: "sd-adapter-name" }),
      make("span", { class: "sd-adapter-facts" }),
      make("button", { type: "button", class: "sd-button sd-quiet sd-square", onclick: () => remove(id) }, icon("close"))),
    make("p", { class: "sd-adapter-refused", hidden: true }),
    make("div", { class: "sd-adapter-weights" },
      slider,
      number("weight", "adapters.weight"),
      make("span", { class: "sd-adapter-text" }, say("adapters.text")),
      number("text_weight", "adapters.text_weight", say("adapters.same"))),
    make("div", { class: "sd-words-list", hidden: true }));
};
const one = (id) => chosen().find((adapter) => adapter.adapter === id) || {};
const fill = (row, adapter) => {
  const model = known.get(adapter.adapter);
  const name = model ? model.name : model === null ? adapter.adapter : "…";
  const refused = model === null ? say("picker.gone") : (model && model.refused) || "";
  const part = (selector) => row.querySelector(selector);
  part(".sd-adapter-name").textContent = name;
  part(".sd-adapter-name").title = name;
  const rank = model && model.rank ? say("adapters.rank", { n: model.rank }) : null;
  part(".sd-adapter-facts").textContent = model ? [model.base, rank, adapter.blocks].filter(Boolean).join(" · ") : "";
  part("button").setAttribute("aria-label", say("adapters.remove", { name }));
  part("button").title = say("adapters.remove", { name });
  row.dataset.refused = Boolean(refused);
  part(".sd-adapter-refused").hidden = !refused;
  part(".sd-adapter-refused").textContent = refused;
  for (const key of ["weight", "text_weight"]) {
    const input = part(`.sd-weight-${key}`);
    if (read(input.value) !== adapter[key]) input.value = adapter[key] ?? "";
  }
  const slider = part(".sd-range");
  slider.value = Number(adapter.weight) || 0;
  slider.style.setProperty("--share", (Number(slider.value) + RANGE) / (2 * RANGE));
  words(part(".sd-words-list"), model ? model.trigger_words : []);
};
const words = (place, found) => {
  place.hidden = found.length === 0;
  if (place.dataset.words === JSON.stringify(found)) return;
  place.dataset.words = JSON.stringify(found);
  place.replaceChildren(...found.map((word) => make("button", {
    type: "button", class: "sd-word", title: say("adapters.insert"), onclick: () => insertWords(word),
  }, word)));
};
const insertWords = (word) => {
  const area = document.getElementById(props.prompt_id)?.querySelector("textarea");
  if (!area || area.value.toLowerCase().includes(word.toLowerCase())) return;
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  const added = area.value.trim() ? `${/[,\s]$/.test(area.value) ? "" : ", "}${word}` : word;
  if (document.execCommand("insertText", false, added)) return;
  area.value += added;
  area.dispatchEvent(new Event("input", { bubbles: true }));
};

const draw = () => {
  const ids = chosen().map((adapter) => adapter.adapter);
  for (const [id, row] of rows) {
    if (ids.includes(id)) continue;
    row.remove();
    rows.delete(id);
  }
  chosen().forEach((adapter, place) => {
    if (!rows.has(adapter.adapter)) rows.set(adapter.adapter, rowOf(adapter.adapter));
    const row = rows.get(adapter.adapter);
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] || null);
    fill(row, adapter);
  });
};
const ask = latest(() => server.look({ ids: chosen().map((one) => one.adapter), checkpoint: chosenCheckpoint() }));
const look = async () => {
  draw();
  if (!chosen().length) return;
  const answer = await ask();
  if (answer === null) return;
  for (const [id, model] of Object.entries(answer)) known.set(id, model);
  draw();
};

combobox(root, {
  find: (text) => server.find({ text, checkpoint: chosenCheckpoint() }),
  choose: (option) => {
    known.set(option.id, option);
    add(option.id, option.weight);
  },
  closed: () => (element.querySelector("[role=combobox]").value = ""),
});
root.addEventListener("sd:add", (event) => {
  known.set(event.detail.id, event.detail);
  add(event.detail.id, event.detail.weight);
  look();
});
document.addEventListener("sd:checkpoint", look);
document.addEventListener("sd:models", look);
watch("value", look);
look();
