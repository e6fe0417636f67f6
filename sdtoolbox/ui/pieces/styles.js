// The styles of a task: a list of names, in the order in which they are applied.
const root = element.querySelector(".sd-field");
const list = element.querySelector(".sd-style-list");
const chosen = () => (Array.isArray(props.value) ? props.value : []);

const put = (value) => {
  props.value = value;
  root.dispatchEvent(new CustomEvent("sd:edited", { bubbles: true }));
  draw();
  trigger("input");
};
const chip = (name) => make("li", { class: "sd-style" },
  make("span", { class: "sd-style-name", title: name }, name),
  make("button", {
    type: "button", class: "sd-button sd-quiet sd-square", title: say("styles.remove", { name }),
    "aria-label": say("styles.remove", { name }),
    onclick: () => put(chosen().filter((one) => one !== name)),
  }, icon("close")));
const draw = () => {
  root.dataset.value = JSON.stringify(chosen());
  list.replaceChildren(...chosen().map(chip));
};

combobox(root, {
  find: (text) => server.find({ text, chosen: chosen() }),
  choose: (option) => put([...chosen(), option.id]),
  closed: () => (element.querySelector("[role=combobox]").value = ""),
});
root.addEventListener("sd:set", (event) => put(event.detail));
watch("value", draw);
draw();
