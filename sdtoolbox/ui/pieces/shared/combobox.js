// A text field over a list that the server searches as one types; the picker and the LoRA list are made of it.
// find(text) gives {options, more}; an option has name, base, size, remark and refused, the reason why it cannot be
// chosen. choose(option) takes one; closed() puts the field's text right when nobody searches any more.
const combobox = (root, { find, choose, closed, selected = () => null }) => {
  const input = root.querySelector("[role=combobox]");
  const popup = root.querySelector(".sd-options");
  const list = root.querySelector("[role=listbox]");
  const end = root.querySelector(".sd-options-end");
  let options = [];
  let active = -1;

  const row = (option, place) => {
    const reason = option.refused || option.remark;
    const facts = [option.base, option.size ? bytes(option.size) : null].filter(Boolean).join(" · ");
    return make("li", {
      class: "sd-option", role: "option", id: `${list.id}-${place}`, "data-place": place,
      "aria-selected": String(option.id === selected()), "aria-disabled": option.refused ? "true" : null,
    },
    make("span", { class: "sd-option-name" }, option.label || option.name),
    make("span", { class: "sd-option-facts" }, facts),
    reason ? make("span", { class: "sd-option-reason" }, reason) : null);
  };
  const point = (place) => {
    active = place;
    [...list.children].forEach((node, i) => node.classList.toggle("sd-active", i === place));
    const node = list.children[place];
    if (node) input.setAttribute("aria-activedescendant", node.id);
    else input.removeAttribute("aria-activedescendant");
    node?.scrollIntoView({ block: "nearest" });
  };
  const question = latest(find);
  const search = async (text) => {
    const answer = await question(text);
    if (answer === null || popup.hidden) return;
    options = answer.options;
    list.replaceChildren(...options.map(row));
    end.textContent = options.length ? (answer.more ? say("picker.more", { n: answer.more }) : "") : say("picker.none");
    const at = options.findIndex((option) => option.id === selected() && !text);
    point(at >= 0 ? at : options.findIndex((option) => !option.refused));
  };
  const open = (text = "") => {
    popup.hidden = false;
    const box = input.getBoundingClientRect();
    const below = window.innerHeight - box.bottom;
    popup.classList.toggle("sd-up", below < 320 && box.top > below);
    popup.style.maxHeight = `${Math.min(400, Math.max(below, box.top) - 16)}px`;
    input.setAttribute("aria-expanded", "true");
    search(text);
  };
  const close = () => {
    if (popup.hidden) return;
    popup.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    closed();
  };
  const take = (place) => {
    const option = options[place];
    if (!option || option.refused) return;
    choose(option);
    close();
  };
  const move = (by) => {
    const able = options.map((option, place) => (option.refused ? -1 : place)).filter((place) => place >= 0);
    const at = able.indexOf(active);
    if (able.length) point(able[(at + by + able.length) % able.length]);
  };

  input.addEventListener("input", (event) => {
    event.stopPropagation();
    if (popup.hidden) open(input.value);
    else search(input.value);
  });
  input.addEventListener("click", () => popup.hidden && open());
  input.addEventListener("focus", () => input.select());
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      if (popup.hidden) open();
      else move(by);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (popup.hidden) open();
      else take(active);
    } else if (event.key === "Escape" && !popup.hidden) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  // Before the field loses the focus, which closes the list.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const place = event.target.closest("[data-place]")?.dataset.place;
    if (place !== undefined) take(Number(place));
  });
  input.addEventListener("blur", () => setTimeout(() => document.activeElement !== input && close()));
  return { input, isOpen: () => !popup.hidden };
};
