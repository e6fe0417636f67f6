// A group of fields below a title that opens and closes it.
const group = element.closest(".block.sd-group");
const button = group.querySelector(".sd-fold-button");
const open = (yes) => {
  group.classList.toggle("sd-open", yes);
  button.setAttribute("aria-expanded", String(yes));
};
button.addEventListener("click", () => open(!group.classList.contains("sd-open")));
group.addEventListener("sd:open", () => open(true));
