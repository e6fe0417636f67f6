// The Extensions tab: a row an extension. Switching one changes what the page consists of, so the page is loaded again
// afterwards, and comes back to this tab.
const rows = element.querySelector(".sd-extension-rows");
const status = element.querySelector(".sd-extensions-status");
const none = element.querySelector(".sd-extensions-none");
const reloadButton = element.querySelector("[data-action=reload]");
let editable = false;

const tell = (text, state) => {
  status.hidden = !text;
  status.textContent = text;
  status.dataset.state = state;
};
const buttons = () => [reloadButton, ...rows.querySelectorAll("button[data-switch]")];
const change = async (doing, ask) => {
  buttons().forEach((button) => (button.disabled = true));
  element.setAttribute("aria-busy", "true");
  tell(doing, "busy");
  const answer = await ask().catch(() => ({ problem: say("extensions.no_answer") }));
  if (!answer.problem) {
    comeBackTo("extensions");
    return;
  }
  element.removeAttribute("aria-busy");
  tell(answer.problem, "problem");
  buttons().forEach((button) => (button.disabled = !editable));
};
const switchButton = (row) => {
  const on = row.state === "disabled";
  const label = say(on ? "extensions.enable" : "extensions.disable");
  return make("button", {
    type: "button", class: "sd-button", "data-switch": String(on), "aria-label": `${label}: ${row.name}`,
    onclick: () => change(say(on ? "extensions.enabling" : "extensions.disabling", { name: row.name }), () => server.switch({ name: row.name, on })),
  }, label);
};
const problemNode = ({ reason, details }) => make("div", { class: "sd-extension-problem" },
  make("p", {}, reason),
  details ? make("details", {}, make("summary", {}, say("extensions.details")), make("pre", { tabindex: "0" }, details)) : null);
const hookWords = (hook) => [
  say("extensions.hook", hook),
  hook.failures ? say("extensions.hook_failures", { n: hook.failures }) : null,
  hook.skipped ? say("extensions.hook_skipped") : null,
  hook.failure || null,
].filter(Boolean).join(" · ");
const rowNode = (row) => make("li", { class: "sd-extension", "data-name": row.name, "data-state": row.state, "data-problem": row.problems.length ? "true" : null },
  make("div", { class: "sd-extension-head" },
    make("h3", {}, row.name),
    row.version ? make("span", { class: "sd-extension-version" }, row.version) : null,
    make("span", { class: "sd-extension-state" }, row.state_label),
    editable ? switchButton(row) : null),
  row.description ? make("p", { class: "sd-extension-description" }, row.description) : null,
  ...row.problems.map(problemNode),
  row.adds.length ? make("ul", { class: "sd-extension-adds", "aria-label": say("extensions.adds") }, ...row.adds.map((added) => make("li", {}, added))) : null,
  ...row.hooks.map((hook) => make("p", { class: "sd-extension-facts" }, hookWords(hook))),
  make("p", { class: "sd-extension-facts" }, [row.place, row.milliseconds ? say("extensions.took", { n: row.milliseconds }) : null].filter(Boolean).join(" · ")));
const draw = (answer) => {
  editable = answer.editable;
  reloadButton.hidden = !editable;
  rows.replaceChildren(...answer.rows.map(rowNode));
  none.hidden = answer.rows.length > 0;
  none.textContent = say(answer.safe_mode ? "extensions.safe_mode" : "extensions.none");
};
const question = latest(() => server.extensions({}));
const look = async () => {
  const answer = await question();
  if (answer !== null && !element.hasAttribute("aria-busy")) draw(answer);
};
reloadButton.addEventListener("click", () => change(say("extensions.reloading"), () => server.reload({})));
// Hooks are counted while jobs run: looked at again whenever the tab is opened.
new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && look()).observe(element);
