// Light and dark, the language, and the keys that work on the whole page.
const STORED = "sdtoolbox-theme";
const theme = element.querySelector("[data-action=theme]");
const apply = (name) => {
  document.body.classList.toggle("dark", name === "dark");
  document.documentElement.style.colorScheme = name;
};
const system = window.matchMedia("(prefers-color-scheme: dark)");
const wanted = () => localStorage.getItem(STORED) || (system.matches ? "dark" : "light");
apply(wanted());
system.addEventListener("change", () => setTimeout(() => apply(wanted())));
theme.addEventListener("click", () => {
  localStorage.setItem(STORED, document.body.classList.contains("dark") ? "light" : "dark");
  apply(wanted());
});
document.documentElement.lang = props.language;
element.querySelector("[data-action=language]").addEventListener("change", (event) => {
  document.cookie = `${props.cookie}=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
  localStorage.setItem("sdtoolbox-language", event.target.value);
  location.reload();
});

const visible = (node) => node && node.offsetParent !== null;
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  if (event.key === "Enter") {
    const generate = [...document.querySelectorAll(".sd-generate")].find(visible);
    if (!generate) return;
    event.preventDefault();
    event.stopPropagation();
    generate.click();
  }
  const delta = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
  if (delta && event.target.closest?.(".sd-prompt") && event.target.tagName === "TEXTAREA") {
    event.preventDefault();
    weigh(event.target, delta);
  }
}, true);

// Ctrl+Up on a selection: word -> (word:1.1) -> (word:1.2); back at 1 the brackets go.
const weigh = (area, delta) => {
  const text = area.value;
  let [from, to] = [area.selectionStart, area.selectionEnd];
  if (from === to) {
    while (from > 0 && /[^\s,():]/.test(text[from - 1])) from -= 1;
    while (to < text.length && /[^\s,():]/.test(text[to])) to += 1;
  }
  while (to > from && /\s/.test(text[to - 1])) to -= 1;
  while (to > from && /\s/.test(text[from])) from += 1;
  if (from === to) return;
  let words = text.slice(from, to);
  let weight = 1;
  const inside = /^\(([^()]*):(-?\d+(?:\.\d+)?)\)$/.exec(words);
  const after = /^:(-?\d+(?:\.\d+)?)\)/.exec(text.slice(to));
  if (inside) [words, weight] = [inside[1], Number(inside[2])];
  else if (text[from - 1] === "(" && after) {
    weight = Number(after[1]);
    from -= 1;
    to += after[0].length;
  }
  const next = Math.round((weight + delta) * 100) / 100;
  const plain = next === 1;
  area.focus();
  area.setSelectionRange(from, to);
  // insertText keeps the browser's own undo; the fallback is for browsers without it.
  const changed = plain ? words : `(${words}:${next})`;
  if (!document.execCommand("insertText", false, changed)) {
    area.setRangeText(changed, from, to);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const start = from + (plain ? 0 : 1);
  area.setSelectionRange(start, start + words.length);
};

// Gradio measures a prompt's height once, perhaps before it has its width: measured again whenever the width changes.
const fitHeight = (area) => {
  const style = getComputedStyle(area);
  area.style.height = "auto";
  const wanted = Math.max(parseFloat(style.minHeight) || 0, area.scrollHeight + 2);
  area.style.height = `${Math.min(wanted, 12 * parseFloat(style.lineHeight))}px`;
};
const widths = new WeakMap();
const widened = new ResizeObserver((entries) => entries.forEach(({ target, contentRect }) => {
  if (contentRect.width && widths.get(target) !== contentRect.width) fitHeight(target);
  widths.set(target, contentRect.width);
}));
const watchPrompts = () => document.querySelectorAll(".sd-prompt textarea").forEach((area) => {
  if (!widths.has(area)) widened.observe(area);
  widths.set(area, widths.get(area));
});
watchPrompts();
new MutationObserver(watchPrompts).observe(document.body, { childList: true, subtree: true });

// The connection to the server: said when it is gone, and the page comes back by itself with it.
const lost = document.querySelector("p.sd-lost") || document.body.appendChild(
  make("p", { class: "sd-lost", role: "status", hidden: true }, say("page.lost")));
// When extensions change, the server builds its page anew; this one goes on until its reader has the time.
const own = Number(/\/page-(\d+)$/.exec(window.gradio_config?.root)?.[1]);
const changed = document.querySelector(".sd-changed") || document.body.appendChild(
  make("div", { class: "sd-lost sd-changed", role: "status", hidden: true }, say("extensions.changed"),
    make("button", { type: "button", class: "sd-button", onclick: () => comeBackTo() }, say("extensions.load_page"))));
if (window.sdIntroduced) comeBack();
else document.addEventListener("sd:introduced", comeBack, { once: true });

const check = async () => {
  try {
    const answer = await fetch("healthz", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const { started, pages } = await answer.json();
    // Another start of the server knows nothing of this page's streams, and pages that were replaced often are gone.
    if (element.dataset.started && element.dataset.started !== String(started)) location.reload();
    else if (own && !pages.includes(own)) comeBackTo();
    element.dataset.started = String(started);
    changed.hidden = !own || own === pages.at(-1);
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
};
check();
setInterval(check, 3000);
// Gradio's own word about a lost connection comes first; ours takes its place (see the style sheet).
const toasts = document.querySelector(".toast-wrap");
if (toasts) new MutationObserver(check).observe(toasts, { childList: true });
window.addEventListener("storage", (event) => {
  if (event.key === "sdtoolbox-language") location.reload(); // the other tabs of this browser go along
});
