// What each choice of a list does, as a tooltip on it: Gradio's lists have no room for it.
const help = (id, label) => (given[id] || {})[label.trim()] || "";
// A list opens outside its field; the field is the one that has the focus.
document.addEventListener("mouseover", (event) => {
  const option = event.target.closest?.("[role=option]");
  const field = option && document.activeElement.closest(".block[id]");
  if (field && given[field.id]) option.title = help(field.id, option.textContent.replace(/^\W*✓/, ""));
});
// The chosen one says it too, without opening the list.
document.addEventListener("mouseover", (event) => {
  const field = event.target.closest?.(".sd-choice[id]");
  const input = field && field.querySelector("input");
  if (input) input.title = help(field.id, input.value);
});
