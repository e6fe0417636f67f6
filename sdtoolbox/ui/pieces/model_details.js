// All that is known of one model, beside the cards; what a person writes about it is kept when they say so.
const GLYPHS = {
  checkpoint: "M8 2.500 14 5.500 8 8.500 2 5.500zM2 8.200l6 3 6-3M2 10.900l6 3 6-3",
  network: "M4 4.500a1.500 1.500 0 1 0 0-.010M12 4.500a1.500 1.500 0 1 0 0-.010M8 12.500a1.500 1.500 0 1 0 0-.010M5 5.800l2.300 5M11 5.800l-2.300 5",
  vae: "M2.500 3.500 7 6.500v3l-4.500 3zM13.500 3.500 9 6.500v3l4.500 3z",
  text_encoder: "M3 5V3.500h10V5M8 3.500v9M6 12.500h4",
  lora: "M4 2.500v11M8 2.500v11M12 2.500v11M2.500 10h3M6.500 5.500h3M10.500 8.500h3",
  controlnet: "M8 4.500a1.500 1.500 0 1 0 0-.010M8 5.500v4M4 7h8M8 9.500l-2.500 4M8 9.500l2.500 4",
  t2i_adapter: "M2.500 3h11v10h-11zM2.500 8h4l1.500-2 2 4 1.500-2h2",
  ip_adapter: "M2.500 3h11v10h-11zM3 12l3.500-4 2.500 2.500 1.500-1.500 3 3M10.500 6h.010",
  embedding: "M8.500 2.500h5v5l-6 6-5-5zM11 5h.010",
  restorer: "M3 8V3h5M13 8v5H8M3 3l4 4M13 13 9 9",
  unknown: "M5.500 6a2.500 2.500 0 1 1 3.700 2.200C8.400 8.700 8 9.100 8 10M8 12.500h.010",
};
const pictureOf = (model) => {
  const frame = make("span", { class: "sd-model-picture", "data-kind": model.kind });
  const glyph = icon("close");
  glyph.querySelector("path").setAttribute("d", GLYPHS[model.kind] || GLYPHS.unknown);
  frame.append(glyph);
  if (model.preview) {
    const image = make("img", { src: model.preview, alt: "", loading: "lazy", decoding: "async", onerror: () => image.remove() });
    frame.append(image);
  }
  return frame;
};
const commas = (words) => words.join(", ");
const split = (text) => text.split(/[,，\n]/).map((word) => word.trim()).filter(Boolean);
const numberOrText = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text.trim());

const modelDetails = (panel, { changed, marked }) => {
  let model = null;
  let fields = {}; // inputs of what can be edited, by name
  let problem = null;

  const copyButton = (text, label) => {
    const button = make("button", {
      type: "button", class: "sd-button sd-quiet sd-copy", "aria-label": label, title: label,
      onclick: async () => {
        await copyText(text);
        button.textContent = say("models.copied");
        setTimeout(() => (button.textContent = say("models.copy")), 1200);
      },
    }, say("models.copy"));
    return button;
  };
  const hash = (name, short, full) => [
    make("dt", {}, name),
    short
      ? make("dd", {}, make("code", { title: full }, short), copyButton(full, say("models.copy_name", { name })))
      : make("dd", { class: "sd-quiet-text" }, say(model.hashed ? "models.hash_soon" : "models.hash_none")),
  ];
  const fact = (name, value) => (value ? [make("dt", {}, say(name)), make("dd", {}, value)] : []);
  const facts = () => make("dl", { class: "sd-model-list" },
    ...fact("models.kind", model.kind_label), ...fact("models.base", model.base),
    ...fact("models.variant", model.variant), ...fact("models.prediction", model.prediction),
    ...fact("models.size", bytes(model.size)), ...fact("models.precision", model.precision),
    ...fact("models.algorithm", model.algorithm), ...fact("models.rank_name", model.rank ? String(model.rank) : ""),
    ...fact("models.parts", model.parts.join(", ")), ...fact("models.layout", model.layout),
    ...(model.state === "unknown" && !model.hashed ? [] : hash("SHA-256", model.short, model.sha256)),
    ...(model.file ? hash("AutoV3", model.autov3, model.autov3) : []),
    ...fact("models.place", model.path));
  const state = () => model.state === "ready" ? null : make("div", { class: "sd-model-why", "data-state": model.state },
    make("b", {}, model.state_label),
    model.reason ? make("p", {}, model.reason) : null,
    model.command ? make("p", {}, say("models.convert")) : null,
    model.command ? make("div", { class: "sd-command" }, make("code", {}, model.command), copyButton(model.command, say("models.copy_command"))) : null);
  const words = () => model.trigger_words.length === 0 ? null : make("div", { class: "sd-words-list" },
    ...model.trigger_words.map((word) => make("button", {
      type: "button", class: "sd-word", title: say("models.copy_word"),
      onclick: async (event) => {
        const chip = event.currentTarget;
        await copyText(word);
        chip.textContent = say("models.copied");
        setTimeout(() => (chip.textContent = word), 1000);
      },
    }, word)));

  const goTo = (task) => {
    openTab(task);
    document.getElementById(`${task}-prompt`)?.querySelector("textarea")?.focus();
  };
  const use = (task) => {
    if (model.kind === "checkpoint") setField("sd-checkpoint", model.id);
    goTo(task);
    const chosen = model;
    whenRestored(task, () => {
      if (chosen.kind === "vae") setField(`${task}-vae`, chosen.id);
      if (chosen.kind !== "lora") return;
      const field = document.querySelector(`#${task}-adapters .sd-field`);
      openFold(field);
      field.dispatchEvent(new CustomEvent("sd:add", { detail: { ...chosen, refused: "" } }));
    });
  };
  const usable = () => model.usable && ["checkpoint", "vae", "lora"].includes(model.kind);
  const actions = () => !usable() ? null : make("div", { class: "sd-model-actions" },
    ...given.tasks.map((task) => make("button", { type: "button", class: "sd-button sd-accent", onclick: () => use(task.id) },
      say("models.use", { task: task.label }))));

  // What can be written

  const entry = (name, label, node) => {
    fields[name] = node;
    node.id = `sd-model-${name}`;
    node.disabled = !model.editable;
    node.addEventListener("input", (event) => {
      event.stopPropagation();
      panel.querySelector("[data-action=keep]").disabled = false;
    });
    return make("div", { class: "sd-model-field" }, make("label", { class: "sd-label", for: node.id }, label), node);
  };
  const text = (value) => make("input", { class: "sd-line-input", type: "text", value, autocomplete: "off", spellcheck: "false" });
  const list = (name) => {
    const choices = given.choices[name].map(([id, label]) => make("option", { value: id }, label));
    const select = make("select", { class: "sd-line-input" }, make("option", { value: "" }, "–"), ...choices);
    select.value = model.defaults[name] ?? "";
    return select;
  };
  const fillDefaults = (values) => {
    for (const [name, value] of Object.entries(values)) {
      if (fields[`default-${name}`] && value !== null && value !== undefined) fields[`default-${name}`].value = value;
    }
    panel.querySelector("[data-action=keep]").disabled = false;
  };
  const defaults = () => model.defaults === null ? null : make("fieldset", { class: "sd-model-defaults" },
    make("legend", {}, say("models.defaults")),
    make("div", { class: "sd-model-grid" }, ...Object.keys(model.defaults).map((name) => entry(`default-${name}`, given.fields[name],
      given.choices[name] ? list(name) : make("input", { class: "sd-line-input", type: "text", inputmode: "decimal", autocomplete: "off", value: model.defaults[name] ?? "" })))),
    !model.editable ? null : make("div", { class: "sd-model-actions" },
      make("button", { type: "button", class: "sd-button", onclick: () => trigger("select", {}) }, say("models.take")),
      make("button", { type: "button", class: "sd-button", onclick: () => keep({ defaults: {} }) }, say("models.reset"))));
  const editor = () => make("form", { class: "sd-model-form", onsubmit: (event) => {
    event.preventDefault();
    keep(written());
  } },
  entry("trigger_words", say("models.trigger_words"), text(commas(model.trigger_words))),
  entry("tags", say("models.tags"), text(commas(model.tags))),
  entry("notes", say("models.notes"), make("textarea", { class: "sd-line-input", rows: 3 }, model.notes)),
  defaults(),
  make("p", { class: "sd-problem", role: "alert", hidden: true }),
  !model.editable ? null : make("div", { class: "sd-model-actions sd-model-keep" },
    make("button", { type: "submit", class: "sd-button sd-accent", "data-action": "keep", disabled: true }, say("models.keep")),
    make("span", { class: "sd-quiet-text sd-kept", role: "status" })));
  // Only what was changed is sent: what the files say themselves must not become a person's words.
  const written = () => {
    const changes = {};
    for (const name of ["trigger_words", "tags"]) {
      if (fields[name].value !== commas(model[name])) changes[name] = split(fields[name].value);
    }
    if (fields.notes.value !== model.notes) changes.notes = fields.notes.value;
    if (model.defaults) {
      const given = Object.keys(model.defaults).map((name) => [name, fields[`default-${name}`].value]);
      const moved = given.some(([name, value]) => value !== String(model.defaults[name] ?? ""));
      if (moved) changes.defaults = Object.fromEntries(given.filter(([, value]) => value !== "").map(([name, value]) => [name, numberOrText(value)]));
    }
    return changes;
  };
  const complain = (words) => {
    problem = words;
    const place = panel.querySelector(".sd-model-form .sd-problem");
    if (!place) return;
    place.hidden = !words;
    place.textContent = words || "";
  };
  const keep = async (changes) => {
    const answer = await server.annotate({ id: model.id, ...changes });
    if (answer.problem) return complain(answer.problem);
    model = answer;
    draw();
    panel.querySelector(".sd-kept").textContent = say("models.kept");
    changed();
    document.dispatchEvent(new CustomEvent("sd:models"));
    document.dispatchEvent(new CustomEvent("sd:checkpoint-defaults"));
  };

  const draw = () => {
    fields = {};
    problem = null;
    panel.replaceChildren(
      make("header", { class: "sd-model-head" },
        make("h2", { title: model.name }, model.name),
        make("button", { type: "button", class: "sd-button sd-quiet sd-square", "aria-label": say("models.close"), title: say("models.close"), onclick: close }, icon("close"))),
      model.preview ? pictureOf(model) : "",
      ...[state(), actions(), model.description ? make("p", { class: "sd-model-description" }, model.description) : null, words(), facts(), editor()].filter(Boolean));
  };
  const again = latest((id) => server.details({ id }));
  const show = async (id) => {
    const answer = await again(id);
    if (answer === null) return;
    if (answer.problem) return close();
    model = answer;
    panel.hidden = false;
    draw();
    marked(id);
  };
  const close = () => {
    const id = model && model.id;
    model = null;
    panel.hidden = true;
    marked("");
    document.querySelector(`.sd-model-card[data-id="${id}"]`)?.focus();
  };
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  return {
    id: () => (model ? model.id : ""),
    open: async (id) => {
      if (model && model.id === id) return close();
      await show(id);
      panel.scrollTop = 0;
      panel.focus({ preventScroll: true });
    },
    // Hashes come in the background; whoever writes is not disturbed.
    refresh: async () => {
      if (!model || model.sha256 || !model.hashed || panel.contains(document.activeElement)) return;
      const answer = await again(model.id);
      if (answer && model && answer.id === model.id && answer.sha256) {
        model = answer;
        draw();
      }
    },
    take: (values) => model && model.defaults && values && fillDefaults(values),
    complain: (words) => (model ? complain(words) : (problem = words)),
  };
};
