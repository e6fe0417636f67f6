// The queue strip in the header and its drawer: every job that waits or runs on this server.
const button = element.querySelector(".sd-queue-button");
const drawer = element.querySelector(".sd-drawer");
const rows = element.querySelector(".sd-queue-rows");
const clearAll = element.querySelector(".sd-queue-clear");
let heard = Date.now();

const stateText = (job) => {
  if (job.cancelling) return say("queue.stopping");
  if (job.state !== "running") return job.position ? say("queue.ahead", { n: job.position }) : say("queue.next");
  if (job.steps) return say("queue.step", { step: job.step ?? 0, steps: job.steps });
  return say(`stage.${job.stage}`);
};
const rest = (job) => (job.eta === null ? null : Math.max(0, job.eta - (Date.now() - heard) / 1000));
const row = (job) => {
  const left = rest(job);
  return make("li", { class: "sd-queue-row", "data-state": job.state },
    make("span", { class: "sd-number-tag" }, `#${job.number}`),
    make("span", { class: "sd-queue-prompt", title: job.prompt }, job.prompt || (job.id ? texts[`task.${job.task}`] ?? say("queue.no_prompt") : say("queue.others"))),
    make("span", { class: "sd-queue-state" }, stateText(job)),
    make("span", { class: "sd-queue-eta" }, left === null ? "" : duration(left)),
    !job.id ? null : make("button", {
      class: "sd-button sd-quiet sd-square", type: "button", "data-job": job.id, disabled: job.cancelling,
      "aria-label": say("queue.cancel", { n: job.number }), title: say("queue.cancel", { n: job.number }),
    }, icon("close")));
};
const summary = (jobs) => {
  const total = jobs.map(rest).filter((left) => left !== null);
  const longest = total.length ? ` · ${duration(Math.max(...total))}` : "";
  return jobs.length ? say("queue.button", { n: jobs.length }) + longest : say("queue.idle");
};
const draw = () => {
  const jobs = (props.value || {}).jobs || [];
  button.querySelector("span").textContent = summary(jobs);
  button.dataset.busy = jobs.length > 0;
  if (drawer.hidden) return;
  const focused = document.activeElement?.dataset?.job;
  rows.replaceChildren(...jobs.map(row));
  if (focused) rows.querySelector(`[data-job="${CSS.escape(focused)}"]`)?.focus();
  element.querySelector(".sd-queue-empty").hidden = jobs.length > 0;
  clearAll.disabled = jobs.length === 0;
};
const open = (yes) => {
  drawer.hidden = !yes;
  button.setAttribute("aria-expanded", String(yes));
  if (yes) draw();
};
button.addEventListener("click", () => open(drawer.hidden));
rows.addEventListener("click", (event) => {
  const job = event.target.closest("[data-job]")?.dataset.job;
  if (job) trigger("delete", { job });
});
clearAll.addEventListener("click", () => trigger("clear", {}));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !drawer.hidden) {
    open(false);
    button.focus();
  }
});
document.addEventListener("pointerdown", (event) => {
  if (!element.contains(event.target)) open(false);
});
watch("value", () => {
  heard = Date.now();
  draw();
});
setInterval(draw, 1000);
draw();
