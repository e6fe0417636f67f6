"""Field types of what comes after the first drawing: hires fix, and a second checkpoint for the last steps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from sdtoolbox.schema.checks import REAL, WHOLE, Name, Text
from sdtoolbox.schema.fields import Control


def _hires(kind: Any, label: str, key: str = "", **more: Any) -> Control:
    return Control(kind, f"Hires {label}", key, group="hires", of="hires", **more)


Hires = Annotated[bool, Control("flag", "Hires fix", group="hires")]
HiresUpscaler = Annotated[Name, _hires("choice", "upscaler", "Hires upscaler", choices="upscalers")]
HiresScale = Annotated[
    float, Field(ge=1, le=8), REAL, _hires("slider", "scale", "Hires upscale", step=0.05, slider_maximum=4)
]
HiresWidth = Annotated[int, Field(ge=0, le=8192), WHOLE, _hires("number", "width", step=8, unit="px")]
HiresHeight = Annotated[int, Field(ge=0, le=8192), WHOLE, _hires("number", "height", step=8, unit="px")]
HiresSteps = Annotated[
    int, Field(ge=1, le=1000), WHOLE, _hires("slider", "steps", "Hires steps", slider_maximum=100, same=True)
]
HiresStrength = Annotated[float, Field(ge=0, le=1), REAL, _hires("slider", "strength", "Denoising strength", step=0.05)]
HiresSampler = Annotated[Name, _hires("choice", "sampler", "Hires sampler", choices="samplers", same=True)]
HiresSchedule = Annotated[Name, _hires("choice", "schedule", "Hires schedule type", choices="schedules", same=True)]
HiresCheckpoint = Annotated[Name, _hires("choice", "checkpoint", "Hires checkpoint", choices="checkpoints", same=True)]
HiresPrompt = Annotated[Text, _hires("prompt", "prompt", "Hires prompt")]
HiresNegativePrompt = Annotated[Text, _hires("prompt", "negative prompt", "Hires negative prompt")]
HiresGuidanceScale = Annotated[
    float,
    Field(ge=0, le=100),
    REAL,
    _hires("slider", "guidance scale", "Hires CFG Scale", step=0.5, slider_maximum=20, same=True),
]

Refiner = Annotated[Name, Control("choice", "Refiner", "Refiner", choices="checkpoints", group="refiner", same=True)]
RefinerSwitchAt = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Refiner switch at", "Refiner switch at", group="refiner", of="refiner", step=0.05),
]
