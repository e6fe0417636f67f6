// What the server refused, at the field it refused; what has no field of its own is said above the button.
const list = element.querySelector(".sd-notices");
const place = ({ id, text }) => {
  const block = id ? document.getElementById(id) : null;
  if (block) return showProblem(block, text);
  list.append(make("p", { class: "sd-problem", role: "alert" }, text));
  return null;
};
const show = () => {
  document.querySelectorAll(".sd-invalid").forEach(clearProblem);
  list.replaceChildren();
  const problems = (props.value || {}).problems || [];
  const first = problems.map(place).find(Boolean);
  first?.closest("details, .sd-settings")?.classList.add("sd-open");
  first?.focus({ preventScroll: false });
};
const edited = (event) => {
  const block = event.target.closest(".sd-invalid");
  if (block) clearProblem(block);
};
document.addEventListener("input", edited, true);
document.addEventListener("sd:edited", edited);
watch("value", show);
