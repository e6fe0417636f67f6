"""What the page is told about jobs: small JSON, without paths, without other people's secrets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.schema.results import Event, Job, JobState, Picture
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence

UNFINISHED: tuple[JobState, ...] = ("running", "queued", "interrupted")
SHOWN_JOBS = 60  # of one browser: enough to scroll through, few enough to send whole
PROMPT_START = 160


def desks(toolbox: Toolbox, texts: Texts, client: str, tasks: Sequence[str]) -> list[dict[str, Any]]:
    """This browser's jobs, newest first, each with its pictures; one list a task."""
    jobs = toolbox.queue.list(client=client, limit=SHOWN_JOBS)
    cards = [(job.task, card(job, toolbox.event(job.id), texts)) for job in jobs]
    return [{"ready": True, "jobs": [shown for of, shown in cards if of == task]} for task in tasks]


def queue(toolbox: Toolbox, client: str = "", *, shared: bool = False) -> dict[str, Any]:
    """Everybody's jobs that wait or run, in the order in which they come up, each with the seconds until it is done.

    Those of a waiting job are estimated from the running one: so many seconds for so many pixels and steps. On a
    shared server the words of others are theirs, and so are the ids, by which a job could be cancelled.
    """
    own = {job.id for job in toolbox.queue.list(UNFINISHED, 200, client)} if shared else None
    jobs = sorted(toolbox.queue.list(UNFINISHED, limit=200), key=lambda job: (job.state != "running", job.number))
    lines = []
    seconds, pace = 0.0, None
    for job in jobs:
        event = toolbox.event(job.id)
        line = _line(job, event) | ({} if own is None or job.id in own else {"id": "", "prompt": ""})
        left = _work(job) * (1 - event.fraction)
        if job.state == "running" and event.eta_seconds is not None and left > 0:
            pace = event.eta_seconds / left
        seconds += event.eta_seconds if event.eta_seconds is not None else left * (pace or 0)
        lines.append(line | {"eta": seconds if pace is not None else None})
    return {"jobs": lines}


def _work(job: Job) -> float:
    numbers = (job.request.get(name) for name in ("steps", "width", "height", "batch_count", "batch_size"))
    return math.prod(number for number in numbers if isinstance(number, int | float))


def card(job: Job, event: Event, texts: Texts) -> dict[str, Any]:
    """One job as the picture panel shows it."""
    return _line(job, event) | {
        "width": job.request.get("width"),
        "fraction": event.fraction,
        "picture": event.picture,
        "total": event.pictures_total,
        "preview": event.sequence if event.has_preview and job.state == "running" else 0,
        "pictures": _pictures(job, event),
        "error": _error(job, texts),
        "before": _before(job),
        "warnings": [sentence(warning) for warning in job.result.warnings] if job.result is not None else [],
        "seconds": job.finished - job.started if job.state == "done" and job.finished and job.started else None,
    }


def _line(job: Job, event: Event) -> dict[str, Any]:
    return {
        "id": job.id,
        "number": job.number,
        "task": job.task,
        "prompt": str(job.request.get("prompt", ""))[:PROMPT_START],
        "state": job.state,
        "stage": event.stage,
        "step": event.step,
        "steps": event.steps,
        "eta": event.eta_seconds,
        "position": event.position,
        "cancelling": job.cancel_requested,
    }


def _pictures(job: Job, event: Event) -> list[dict[str, Any]]:
    if job.result is not None:
        return [_picture(picture) for picture in job.result.pictures]
    unknown: dict[str, Any] = dict.fromkeys(("seed", "width", "height"))
    unknown |= {"can_grow": False, "measured": {}, "difference": False, "video": False}
    return [{"id": identity, **unknown} for identity in event.finished]


def _picture(picture: Picture) -> dict[str, Any]:
    seed = picture.seed if "seed" in picture.request else None  # not every task draws lots
    known = {"id": picture.id, "seed": seed, "width": picture.width, "height": picture.height}
    grows = picture.request.get("hires") is False  # the task has hires fix, and it was off
    difference = bool(picture.request.get("difference_map")) and picture.index > 0
    return known | {
        "can_grow": grows,
        "measured": picture.measured,
        "difference": difference,
        "video": _is_video(picture),
    }


def _is_video(picture: Picture) -> bool:
    return picture.media.startswith("video/")


def _before(job: Job) -> dict[str, Any] | None:
    """What the job's pictures were made of: `image` and `mask`, their ids, and `margins`, what was added around it.

    `window` is there if it was only this part: left, top, right and bottom in the picture's pixels.
    """
    if not job.request.get("image"):
        return None
    margins = [job.request.get(f"outpaint_{side}") or 0 for side in ("left", "top", "right", "bottom")]
    window = {"window": job.request["window"]} if job.request.get("window") else {}
    return {"image": job.request["image"], "mask": job.request.get("mask"), "margins": margins} | window


def _error(job: Job, texts: Texts) -> dict[str, str] | None:
    if job.error is None:
        return None
    error = UserError.from_dict(job.error)
    return {"title": texts(f"error.{error.code}"), "text": sentence(str(error))}
