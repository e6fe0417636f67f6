// One model out of the catalog: its id is the value; what is known of it is asked from the server.
const root = element.querySelector(".sd-field");
const base = element.querySelector(".sd-picker-base");
let model = null; // what is shown: the chosen one, as the server describes it

const nothing = { id: null, name: props.nothing, base: "", size: 0, remark: "", refused: "" };
const chosen = () => props.value || null;
const combo = combobox(root, {
  selected: chosen,
  find: async (text) => {
    const answer = await server.find({ text, checkpoint: chosenCheckpoint() });
    if (props.optional && !text.trim()) answer.options.unshift(nothing);
    return answer;
  },
  choose: (option) => {
    model = option;
    set(option.id);
  },
  closed: () => write(),
});
const write = () => {
  const shown = model || nothing;
  if (!combo.isOpen()) combo.input.value = shown.name;
  combo.input.title = shown.remark || shown.refused || shown.name;
  base.textContent = shown.base;
};
const describe = latest(() => server.look({ ids: [chosen()], checkpoint: chosenCheckpoint() }));
const show = async () => {
  root.dataset.value = chosen() || "";
  if (!props.optional) document.dispatchEvent(new CustomEvent("sd:checkpoint"));
  if (chosen() === (model && model.id)) return write();
  if (!chosen()) {
    model = null;
    return write();
  }
  const answer = await describe();
  if (answer === null) return;
  model = answer[chosen()] || { ...nothing, id: chosen(), name: say("picker.gone") };
  write();
};
const set = (value) => {
  props.value = value;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  show();
  trigger("input");
  if (!props.optional) document.dispatchEvent(new CustomEvent("sd:checkpoint-defaults"));
};
root.addEventListener("sd:set", (event) => set(event.detail));
watch("value", show);
write();
show();
