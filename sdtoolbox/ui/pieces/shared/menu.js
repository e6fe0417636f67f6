// A button with a short list of things to do below or above it: [{id, label}].
const menu = (root, entries, act) => {
  const button = root.querySelector("button");
  const list = root.querySelector("[role=menu]");
  const items = entries.map(({ id, label }) =>
    make("button", { type: "button", role: "menuitem", class: "sd-menu-item", tabindex: -1, "data-id": id }, label));
  list.replaceChildren(...items);
  const open = (yes) => {
    list.hidden = !yes;
    button.setAttribute("aria-expanded", String(yes));
    if (yes) items[0]?.focus();
  };
  button.addEventListener("click", () => open(list.hidden));
  list.addEventListener("click", (event) => {
    const id = event.target.closest("[data-id]")?.dataset.id;
    if (id === undefined) return;
    open(false);
    act(id);
  });
  root.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !list.hidden) {
      open(false);
      button.focus();
    } else if (by && !list.hidden) items[(items.indexOf(document.activeElement) + by + items.length) % items.length].focus();
    else return;
    event.preventDefault();
  });
  root.addEventListener("focusout", (event) => !root.contains(event.relatedTarget) && open(false));
  document.addEventListener("pointerdown", (event) => root.contains(event.target) || open(false));
};
