// What is wrong with a field, said at the field; gives the control to be corrected.
const clearProblem = (block) => {
  block.classList.remove("sd-invalid");
  block.querySelector(":scope > .sd-problem")?.remove();
  block.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
};
const showProblem = (block, text) => {
  clearProblem(block);
  block.classList.add("sd-invalid");
  openFold(block);
  block.append(make("p", { class: "sd-problem", role: "alert" }, text));
  const control = block.querySelector("input:not([type=range]), textarea");
  control?.setAttribute("aria-invalid", "true");
  return control;
};
