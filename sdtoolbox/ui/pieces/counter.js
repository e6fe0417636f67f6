// Below a prompt: how many tokens it has in each chunk, what every weight applies to, and what looks wrong, where.
// Words come from the restored form, from other controls and from the keyboard: the field is looked at, not listened
// to, and the server is asked when it has been still for one look.
const LOOK = 250; // milliseconds
const marks = element.querySelector(".sd-counter-marks");
const tokens = element.querySelector(".sd-counter-tokens");
const area = () => document.querySelector(`#${props.prompt_id} textarea`);
const chosenStyles = () => {
  const field = document.querySelector(`#${props.task}-styles .sd-field`);
  return field?.dataset.value ? JSON.parse(field.dataset.value) : [];
};
const state = () => ({
  text: area()?.value ?? "",
  field: props.field,
  checkpoint: chosenCheckpoint(),
  styles: chosenStyles(),
  steps: Number(document.querySelector(`#${props.task}-steps .sd-input`)?.value) || null,
});

const SIGNS = {
  weight: (n) => `×${n}`,
  and: (n) => `AND ×${n}`,
  from: (n) => say("counter.from", { n }),
  until: (n) => say("counter.until", { n }),
  turns: () => say("counter.turns"),
  break: () => say("counter.break"),
};
const mark = ({ words, kind, value }) => {
  const name = words ? make("b", {}, words) : null;
  return make("span", { class: "sd-mark", "data-kind": kind, title: words }, name, SIGNS[kind](value));
};
const mistake = ({ position, text }) => {
  const known = position !== null && position !== undefined;
  const said = known ? say("counter.at", { text, n: position + 1 }) : text;
  if (!known) return make("span", { class: "sd-mistake", title: said }, said);
  const show = () => {
    const field = area();
    field.focus();
    field.setSelectionRange(position, position + 1);
  };
  return make("button", { type: "button", class: "sd-mistake", title: said, onclick: show }, said);
};
const draw = (answer) => {
  marks.replaceChildren(...answer.mistakes.map(mistake), ...answer.marks.map(mark));
  tokens.hidden = answer.chunks.length === 0;
  const about = answer.about ? "≈ " : "";
  tokens.textContent = `${about}${answer.chunks.slice(0, 4).join(" + ")}${answer.chunks.length > 4 ? " + …" : ""}/${answer.size}`;
  const hint = { n: answer.chunks.length, tokens: answer.chunks.reduce((sum, one) => sum + one, 0), size: answer.size };
  tokens.title = say(answer.chunks.length === 1 ? "counter.one" : "counter.several", hint);
};

const ask = latest((asked) => server.count(asked));
let before = "";
let shown = "";
const look = async () => {
  if (!element.isConnected) return clearInterval(timer);
  if (document.hidden || !area()) return;
  const now = JSON.stringify(state());
  if (now === before && now !== shown) {
    shown = now;
    const answer = await ask(JSON.parse(now));
    if (answer !== null) draw(answer);
  }
  before = now;
};
const timer = setInterval(look, LOOK);
look();
