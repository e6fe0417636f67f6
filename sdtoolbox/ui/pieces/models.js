// The Models tab: what is in memory, the search, one page of cards. The server searches; the browser never holds more
// cards than one page of them.
const cards = element.querySelector(".sd-cards");
const searchField = element.querySelector(".sd-models-search input");
const kinds = element.querySelector(".sd-models-kinds");
const selects = [...element.querySelectorAll("[data-facet]")];
const count = element.querySelector(".sd-pager-count");
const scanButton = element.querySelector("[data-action=scan]");
const asked = { text: "", kind: "", base: "", state: "", offset: 0 };
const ANY = { base: "models.any_base", state: "models.any_state" };
let page = null; // what the server answered last
let entries = -1; // how many there were at the last look, and whether a scan ran: what says that it is time to search
let scanning = false;

const factsOf = (card) => [card.kind_label, card.kind === "unknown" ? null : card.base, card.variant, card.algorithm && card.rank ? say("models.rank", { n: card.rank }) : null];
const cardNode = (card) => {
  return make("button", {
    type: "button", class: "sd-model-card", "data-id": card.id, "data-unusable": card.usable ? null : "true",
    "aria-pressed": String(details.id() === card.id), title: card.name,
  },
  pictureOf(card),
  make("span", { class: "sd-model-name" }, card.name),
  make("span", { class: "sd-model-facts" }, factsOf(card).filter(Boolean).join(" · ")),
  make("span", { class: "sd-model-facts" }, [card.size ? bytes(card.size) : null, card.precision].filter(Boolean).join(" · ")),
  card.state === "ready" ? null : make("span", { class: "sd-model-state", "data-state": card.state }, card.state_label));
};
const drawFacets = ({ counts }) => {
  const total = counts.kind.reduce((sum, one) => sum + one.n, 0);
  const chips = [{ id: "", label: say("models.all"), n: total }, ...counts.kind];
  const focused = document.activeElement?.dataset?.kind;
  kinds.replaceChildren(...chips.map((one) => make("button", {
    type: "button", class: "sd-button sd-chip-button", "data-kind": one.id, "aria-pressed": String(one.id === asked.kind),
  }, make("span", {}, one.label), make("b", {}, String(one.n)))));
  if (focused !== undefined) kinds.querySelector(`[data-kind="${focused}"]`)?.focus();
  for (const select of selects) {
    const facet = select.dataset.facet;
    const offered = counts[facet].map((one) => make("option", { value: one.id }, `${one.label} (${one.n})`));
    select.replaceChildren(make("option", { value: "" }, say(ANY[facet])), ...offered);
    if (asked[facet] && select.querySelector(`[value="${CSS.escape(asked[facet])}"]`) === null) {
      select.append(make("option", { value: asked[facet] }, asked[facet]));
    }
    select.value = asked[facet];
  }
};
const draw = () => {
  const { offset, total, page: size } = page;
  const none = element.querySelector(".sd-models-none");
  drawFacets(page);
  cards.replaceChildren(...page.cards.map(cardNode));
  none.hidden = total > 0;
  none.textContent = say(asked.text || asked.kind || asked.base || asked.state ? "models.none_found" : "models.none");
  const last = Math.min(offset + size, total);
  count.textContent = total > size ? say("models.range", { first: offset + 1, last, total }) : say("models.total", { total });
  element.querySelector("[data-action=back]").hidden = total <= size;
  element.querySelector("[data-action=on]").hidden = total <= size;
  element.querySelector("[data-action=back]").disabled = offset === 0;
  element.querySelector("[data-action=on]").disabled = last >= total;
};
const question = latest((wanted) => server.search(wanted));
const search = async (offset = 0) => {
  asked.offset = offset;
  const answer = await question({ ...asked });
  if (answer === null) return;
  page = answer;
  draw();
};

const loadedRow = (model) => make("li", { class: "sd-loaded-row", "data-id": model.id },
  make("span", { class: "sd-loaded-name", title: model.name }, model.name),
  make("span", { class: "sd-loaded-device" }, model.device),
  make("span", { class: "sd-loaded-size" }, bytes(model.bytes)),
  make("span", { class: "sd-loaded-state", "data-leased": String(model.leased) }, say(model.leased ? "models.in_use" : "models.idle")),
  props.editable ? make("button", {
    type: "button", class: "sd-button", "aria-label": say("models.unload_name", { name: model.name }),
    onclick: async (event) => {
      event.target.disabled = true;
      const answer = await server.unload({ id: model.id });
      if (answer.problem) details.complain(answer.problem);
      else drawMemory(answer);
    },
  }, say("models.unload")) : null);
const drawMemory = (memory) => {
  const rows = element.querySelector(".sd-loaded-rows");
  const written = JSON.stringify(memory.loaded);
  if (rows.dataset.written !== written) {
    rows.dataset.written = written;
    rows.replaceChildren(...memory.loaded.map(loadedRow));
  }
  element.querySelector(".sd-loaded-none").hidden = memory.loaded.length > 0;
  scanButton.disabled = memory.scanning || !props.editable;
  scanButton.querySelector("span").textContent = say(memory.scanning ? "models.scanning" : "models.scan");
  const news = entries !== memory.entries || (scanning && !memory.scanning);
  [entries, scanning] = [memory.entries, memory.scanning];
  return news;
};
// While somebody looks at the tab; a hidden one asks nothing.
const visible = () => element.offsetParent !== null && !document.hidden;
const memory = latest(() => server.memory({}));
const look = async () => {
  if (!visible()) return;
  const now = await memory();
  if (now === null) return;
  if (drawMemory(now)) await search(asked.offset);
  details.refresh();
};

const details = modelDetails(element.querySelector(".sd-model"), {
  changed: () => search(asked.offset),
  marked: (id) => cards.querySelectorAll(".sd-model-card").forEach((node) => node.setAttribute("aria-pressed", String(node.dataset.id === id))),
});
cards.addEventListener("click", (event) => {
  const id = event.target.closest("[data-id]")?.dataset.id;
  if (id) details.open(id);
});
searchField.addEventListener("input", (event) => {
  event.stopPropagation();
  asked.text = searchField.value;
  search();
});
kinds.addEventListener("click", (event) => {
  const kind = event.target.closest("[data-kind]")?.dataset.kind;
  if (kind === undefined) return;
  asked.kind = kind;
  search();
});
for (const select of selects) {
  select.addEventListener("change", () => {
    asked[select.dataset.facet] = select.value;
    search();
  });
}
const turn = (pages) => {
  search(Math.max(0, asked.offset + pages * page.page));
  element.querySelector(".sd-models-bar").scrollIntoView({ block: "start" });
};
element.querySelector("[data-action=back]").addEventListener("click", () => turn(-1));
element.querySelector("[data-action=on]").addEventListener("click", () => turn(1));
scanButton.addEventListener("click", async () => {
  scanButton.disabled = true;
  scanning = true; // the answer may come when a short scan has ended already
  drawMemory(await server.scan({}));
  setTimeout(look, 300);
});
watch("value", () => details.take((props.value || {}).taken));
new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && look()).observe(element);
setInterval(look, 2000);
search();
