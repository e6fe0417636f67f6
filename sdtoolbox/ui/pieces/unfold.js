// Opens and closes the settings on small screens.
const button = element.querySelector("button");
button.addEventListener("click", () => {
  const open = element.closest(".sd-settings").classList.toggle("sd-open");
  button.setAttribute("aria-expanded", String(open));
});
