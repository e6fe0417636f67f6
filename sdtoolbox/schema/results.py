"""What comes back: events while a job runs, a result when it is done."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
JOB_STATES: tuple[JobState, ...] = get_args(JobState)
FINAL_STATES: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})

Stage = Literal[
    "queued",
    "loading",
    "reading",  # a picture that was given becomes latents
    "encoding",
    "sampling",
    "upscaling",
    "redrawing",  # the second pass of hires fix
    "restoring",  # without a diffusion model
    "decoding",
    "saving",
    "done",
    "failed",
    "cancelled",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Picture(_Message):
    """One finished picture in the store, or a video."""

    id: str = Field(description="Its id in the image store: 128 bits of the SHA-256 of the file's bytes, hex.")
    seed: int = Field(description="The seed of this one picture.")
    width: int = Field(description="In pixels.")
    height: int = Field(description="In pixels.")
    request: dict[str, Any] = Field(description="The request that draws its batch again.")
    index: int = Field(description="Its place in that batch, from 0.")
    file: str = Field(description="Its file below the outputs folder, with forward slashes.")
    media: Literal["image/png", "video/mp4"] = Field("image/png", description="What kind of file it is.")
    measured: dict[str, float] = Field(
        {},
        description="How well it came out: `seam`, how much the edge of what was repainted shows, 1 is not at all; "
        "`noise` of 255 and `jpeg_quality` of 100 that were found in the picture it was made from; `psnr` in decibels, "
        "at most 100, and `ssim` from -1 to 1, against a reference; and what its sampler reports.",
    )


class Result(_Message):
    """What a job made, and everything that was drawn, rounded or chosen on the way."""

    job_id: str
    task: str
    request: dict[str, Any] = Field(description="The resolved request: no field is left open.")
    pictures: list[Picture]
    parameters: str = Field(description="The A1111 text of the first picture.")
    environment: dict[str, Any] = Field(description="device, precision, threads, versions, checkpoint and its SHA-256.")
    timings: dict[str, float] = Field(description="Seconds by stage.")
    warnings: list[str] = []


class Event(_Message):
    """Where a job stands; the latest one is kept, so that any process may join at any time."""

    job_id: str
    sequence: int = Field(0, description="Rises with every event of a job, over restarts too.")
    state: JobState
    stage: Stage
    position: int | None = Field(None, description="Jobs ahead of this one while it waits; 0 is next.")
    step: int | None = None
    steps: int | None = Field(None, description="None where the number of steps is not known beforehand.")
    fraction: float = Field(0.0, ge=0, le=1, description="Share of the whole job that is behind us.")
    eta_seconds: float | None = Field(None, description="Seconds until this job is done; None while nothing is known.")
    picture: int = Field(0, description="Which picture of the job is being drawn, from 0.")
    pictures_total: int = 1
    finished: list[str] = Field([], description="Ids of the pictures that are finished so far.")
    has_preview: bool = False
    message: str = Field("", description="A sentence for the person who waits, where there is something to say.")
    error: dict[str, Any] | None = None


class Job(_Message):
    """A row of the queue."""

    id: str
    number: int = Field(description="What people call it: job 17.")
    task: str
    request: dict[str, Any]
    state: JobState
    created: float = Field(description="Seconds since the epoch.")
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    warnings: list[str] = Field([], description="What was left out of the request before it was queued.")
    cancel_requested: bool = False
    error: dict[str, Any] | None = None
    result: Result | None = None
