// The picture side of a task: stage, progress line, results and the selected picture's parameters. The server
// sends where this browser's jobs stand; what is selected is this page's own affair.
const stage = element.querySelector(".sd-stage");
const image = element.querySelector(".sd-picture");
const video = element.querySelector(".sd-video");
const chip = element.querySelector(".sd-chip");
const empty = element.querySelector(props.edits ? ".sd-empty-edit" : "[data-examples]");
const failure = element.querySelector(".sd-failure");
const line = element.querySelector(".sd-line");
const bar = element.querySelector(".sd-bar");
const stop = element.querySelector("[data-action=stop]");
const strip = element.querySelector(".sd-strip");
const facts = element.querySelector(".sd-facts");
const text = element.querySelector(".sd-parameters");
const warnings = element.querySelector(".sd-warnings");
const tools = [...element.querySelectorAll(".sd-tools button, .sd-tools a")];
const UNFINISHED = ["running", "queued", "interrupted"];
const MEASURED = [ // name, text, help, digits
  ["seam", "panel.seam", "panel.seam_help", 2],
  ["psnr", "panel.psnr", "panel.psnr_help", 1],
  ["ssim", "panel.ssim", "panel.ssim_help", 3],
  ["noise", "panel.noise", "panel.noise_help", 1],
  ["jpeg_quality", "panel.jpeg", "panel.jpeg_help", 0],
];
const NO_JPEG = 100; // the quality of what was never a JPEG
const LARGEST_ZOOM = 6; // a small picture on a large screen stays a picture instead of a blur
const LARGE = 2 ** 25; // pixels from which on a browser has trouble with a picture: images/views.py
let heard = Date.now();
let chosen = null; // the key of the tile that the person selected, or null to follow the jobs
let newest = 0;
let wanted = ""; // the address that the stage is about to show
const dismissed = new Set();
const known = new Map(); // parameters text by picture

const jobs = () => (props.value || {}).jobs || [];
const current = () => {
  const waiting = jobs().filter((job) => UNFINISHED.includes(job.state));
  return waiting.find((job) => job.state === "running") || waiting[waiting.length - 1] || null;
};
// The same request draws the same picture, so a picture may be there twice: a tile is known by its job too.
const tiles = () => jobs().flatMap((job) => {
  const failed = job.state === "failed" && !dismissed.has(job.id) ? [{ key: job.id, job, failed: true }] : [];
  const made = job.pictures.map((picture, place) => ({ key: `${job.id}-${place}`, job, picture })).reverse();
  // A map of differences stands behind the picture that it is about.
  return [...failed, ...made.sort((one, other) => Number(one.picture.difference) - Number(other.picture.difference))];
});

const shown = () => {
  const all = tiles();
  const pinned = all.find((tile) => tile.key === chosen);
  if (pinned) return pinned;
  const job = current();
  if (job && job.preview) return { key: `preview-${job.id}`, job, preview: job.preview };
  return all[0] || null;
};

const drawStage = (tile) => {
  const kind = !tile ? "empty" : tile.failed ? "failure" : tile.picture ? "picture" : "preview";
  stage.dataset.kind = kind;
  empty.hidden = kind !== "empty" || current() !== null || !props.value.ready;
  failure.hidden = kind !== "failure";
  play(kind === "picture" && tile.picture.video ? tile : null);
  image.hidden = !video.hidden || !(kind === "picture" || kind === "preview");
  const part = (kind === "picture" && tile.job.before?.window) || null;
  stage.toggleAttribute("data-part", part !== null);
  chip.hidden = kind !== "preview" && part === null;
  chip.textContent = part ? say("panel.part", { width: part[2] - part[0], height: part[3] - part[1] }) : say("panel.preview");
  if (kind === "failure") drawFailure(tile.job);
  compare(kind === "picture" && !tile.picture.difference && video.hidden ? tile.job.before : null);
  if (image.hidden) return;
  const source = tile.picture ? shownFrom(tile.picture) : `previews/${tile.job.id}.jpg?n=${tile.preview}`;
  if (source !== wanted) show(source);
  const own = tile.picture?.width || tile.job.width;
  const width = own && !part ? `${own * LARGEST_ZOOM}px` : "none";
  if (image.style.maxWidth !== width) image.style.maxWidth = width;
  image.alt = say("panel.picture_of", { prompt: called(tile.job) });
};
// A picture of hundreds of megabytes is looked at in a copy; its links give the file itself.
const shownFrom = ({ id, width, height }) => (width * height < LARGE ? `pictures/${id}.png` : `views/${id}.jpg`);
const fileOf = ({ id, video: moving }) => (moving ? `videos/${id}.mp4` : `pictures/${id}.png`);
const play = (tile) => {
  const id = tile ? tile.picture.id : "";
  video.hidden = !tile;
  if ((video.dataset.id || "") === id) return;
  video.dataset.id = id;
  video.pause();
  if (!tile) return video.removeAttribute("src"), video.load();
  video.poster = `views/${id}.jpg`;
  video.setAttribute("aria-label", say("panel.picture_of", { prompt: called(tile.job) }));
  video.src = fileOf(tile.picture);
};
// The next picture is loaded unseen first, so that the stage never stands empty between two.
const show = (source) => {
  wanted = source;
  const next = new Image();
  next.addEventListener("load", () => wanted === source && image.setAttribute("src", source));
  next.src = source;
};
const drawFailure = (job) => {
  if (failure.dataset.job === job.id) return;
  failure.dataset.job = job.id;
  failure.replaceChildren(
    make("h3", {}, say("panel.failed", { n: job.number })),
    make("p", { class: "sd-failure-title" }, job.error.title),
    make("p", { class: "sd-failure-message" }, job.error.text),
    make("div", { class: "sd-failure-actions" },
      make("button", { type: "button", class: "sd-button sd-accent", onclick: () => retry(job.id) }, icon("again"), say("panel.retry")),
      make("button", { type: "button", class: "sd-button", onclick: () => dismiss(job.id) }, say("panel.dismiss"))));
};
const retry = (job) => {
  dismissed.add(job);
  chosen = null;
  trigger("retry", { job });
};
const dismiss = (job) => {
  dismissed.add(job);
  chosen = null;
  draw();
};

const progressText = (job, left) => {
  if (job.cancelling) return say("queue.stopping");
  if (job.state !== "running") return job.position ? say("panel.waiting", { n: job.position }) : say("panel.next");
  const parts = [];
  if (job.total > 1) parts.push(say("panel.picture", { n: Math.min(job.picture + 1, job.total), total: job.total }));
  if (["sampling", "redrawing"].includes(job.stage) && job.steps) parts.push(say("panel.step", { step: job.step ?? 0, steps: job.steps }));
  else parts.push(say(`stage.${job.stage}`));
  if (job.stage === "restoring" && job.steps) parts.push(say("panel.frame", { step: job.step ?? 0, steps: job.steps }));
  if (left !== null) parts.push(say("panel.left", { time: duration(left) }));
  return parts.join(" · ");
};
const drawProgress = () => {
  const job = current();
  element.querySelector(".sd-progress").dataset.busy = job !== null;
  stop.hidden = job === null;
  bar.style.transform = `scaleX(${job ? job.fraction : 0})`;
  const last = tiles()[0];
  if (!job) {
    line.textContent = last && last.picture && last.job.seconds ? say("panel.took", { time: duration(last.job.seconds) }) : "";
    return;
  }
  const left = job.eta === null ? null : Math.max(0, job.eta - (Date.now() - heard) / 1000);
  line.textContent = progressText(job, left);
  stop.dataset.job = job.id;
  stop.disabled = job.cancelling;
};

const called = (job) => job.prompt || texts[`task.${job.task}`] || "";
const tileNode = (tile) => {
  const label = tile.failed ? say("panel.failed", { n: tile.job.number }) : say("panel.picture_of", { prompt: called(tile.job) });
  const inside = tile.failed
    ? make("span", { class: "sd-tile-failed" }, "!")
    : make("img", { src: `thumbnails/${tile.picture.id}.jpg`, alt: "", loading: "lazy", decoding: "async" });
  const part = Boolean(tile.picture && tile.job.before?.window);
  return make("button", { type: "button", class: "sd-tile", role: "option", "data-part": part, "data-key": tile.key, "data-picture": tile.picture?.id, "aria-label": label, title: label }, inside);
};
const drawStrip = (tile) => {
  const all = tiles();
  const present = new Map([...strip.children].map((node) => [node.dataset.key, node]));
  all.forEach(({ key }, place) => {
    const node = present.get(key) || tileNode(all[place]);
    present.delete(key);
    if (strip.children[place] !== node) strip.insertBefore(node, strip.children[place] || null);
    const selected = tile !== null && tile.key === key;
    node.setAttribute("aria-selected", String(selected));
    node.tabIndex = selected || (place === 0 && !all.some((other) => tile && other.key === tile.key)) ? 0 : -1;
  });
  present.forEach((node) => node.remove());
};

const drawDetails = async (tile) => {
  const picture = tile && tile.picture;
  for (const tool of tools) {
    tool.toggleAttribute("disabled", !picture);
    tool.setAttribute("aria-disabled", String(!picture));
  }
  element.querySelector("[data-action=hires]").toggleAttribute("disabled", !picture || !picture.can_grow);
  const said = picture ? tile.job.warnings : [];
  warnings.hidden = said.length === 0;
  warnings.replaceChildren(...said.map((one) => make("li", {}, one)));
  if (!picture) {
    facts.textContent = "";
    text.textContent = say("panel.no_parameters");
    return;
  }
  const measured = MEASURED.filter(([name]) => name in picture.measured && !(name === "jpeg_quality" && picture.measured[name] >= NO_JPEG));
  const reported = Object.entries(picture.measured).filter(([name]) => !MEASURED.some(([known]) => known === name));
  facts.title = measured.map(([, , help]) => say(help)).join("\n");
  facts.textContent = [picture.difference ? say("panel.difference") : null,
    picture.seed === null ? null : say("panel.seed", { seed: picture.seed }),
    picture.width ? `${picture.width} × ${picture.height}` : null,
    ...measured.map(([name, words, , digits]) => say(words, { n: picture.measured[name].toFixed(digits) })),
    // What a sampler reports has the name that its author gave it.
    ...reported.map(([name, value]) => `${name.replaceAll("_", " ")} ${Number(value.toPrecision(3))}`)].filter(Boolean).join(" · ");
  for (const link of element.querySelectorAll(".sd-tools a")) link.href = fileOf(picture);
  element.querySelector("a[download]").setAttribute("download", `${picture.id.slice(0, 8)}.${picture.video ? "mp4" : "png"}`);
  text.dataset.id = picture.id;
  text.textContent = known.get(picture.id) ?? "";
  if (!known.has(picture.id)) {
    const answer = await fetch(`pictures/${picture.id}.txt`);
    if (answer.ok) known.set(picture.id, await answer.text());
    if (text.dataset.id === picture.id) text.textContent = known.get(picture.id) ?? "";
  }
};

const compare = comparison(stage, image, given.compares);
const draw = () => {
  const tile = shown();
  drawStage(tile);
  drawProgress();
  drawStrip(tile);
  drawDetails(tile);
};
const hear = () => {
  heard = Date.now();
  stage.dataset.ready = Boolean(props.value.ready);
  const latest = Math.max(0, ...jobs().map((job) => job.number));
  if (latest > newest && newest > 0) chosen = null; // a new job: follow it
  newest = Math.max(newest, latest);
  draw();
};

strip.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (!key) return;
  chosen = current() === null && tiles()[0]?.key === key ? null : key;
  draw();
});
strip.addEventListener("keydown", (event) => {
  const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const nodes = [...strip.children];
  const next = nodes[nodes.indexOf(document.activeElement) + move];
  if (!next) return;
  next.click();
  next.focus();
});
stop.addEventListener("click", () => {
  stop.disabled = true;
  trigger("stop", { job: stop.dataset.job });
});
image.addEventListener("click", () => {
  const tile = shown();
  if (tile && tile.picture) window.open(`pictures/${tile.picture.id}.png`, "_blank", "noopener");
});
empty.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]")?.dataset.example;
  if (example !== undefined) trigger("select", { example: Number(example) });
});
const flash = (button, key) => {
  const label = button.querySelector("span");
  const before = say(button.dataset.label);
  label.textContent = say(key);
  setTimeout(() => (label.textContent = before), 1200);
};
element.querySelector("[data-action=copy]").addEventListener("click", async (event) => {
  await copyText(text.textContent);
  flash(event.target.closest("button"), "panel.copied");
});
element.querySelector("[data-action=hires]").addEventListener("click", () => {
  const tile = shown();
  if (tile && tile.picture) trigger("apply", { job: tile.job.id, picture: tile.picture.id });
});
menu(element.querySelector(".sd-menu"), given.targets, (task) => {
  const tile = shown();
  if (tile && tile.picture) sendTo(task, { picture: tile.picture.id, mask: tile.job.before?.mask });
});
element.querySelector("[data-action=hires]").hidden = props.edits;
element.querySelector("[data-action=reuse]").hidden = !props.seed_id;
const reuseSeed = () => {
  const tile = shown() && shown().picture ? shown() : tiles().find((other) => other.picture);
  if (tile && tile.picture.seed !== null) setField(props.seed_id, tile.picture.seed);
};
element.querySelector("[data-action=reuse]").addEventListener("click", reuseSeed);
document.addEventListener("sd:reuse-seed", (event) => {
  if (event.detail === props.seed_id) reuseSeed();
});
let finished = 0;
const tellFinished = () => {
  const done = jobs().filter((job) => job.state === "done").length;
  if (done !== finished) document.dispatchEvent(new CustomEvent("sd:finished"));
  finished = done;
};
// Once it is known whose browser this is, the stream of its jobs can begin.
if (window.sdIntroduced) trigger("focus");
else document.addEventListener("sd:introduced", () => trigger("focus"), { once: true });
watch("value", hear);
watch("value", tellFinished);
setInterval(drawProgress, 1000);
hear();
