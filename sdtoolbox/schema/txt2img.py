"""The request of txt2img: a picture from a sentence, drawn again larger if that is asked for."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.second_pass import (
    Hires,
    HiresCheckpoint,
    HiresGuidanceScale,
    HiresHeight,
    HiresNegativePrompt,
    HiresPrompt,
    HiresSampler,
    HiresScale,
    HiresSchedule,
    HiresSteps,
    HiresStrength,
    HiresUpscaler,
    HiresWidth,
)


class Txt2Img(Drawing):
    """Draw pictures from a sentence."""

    task: ClassVar[str] = "txt2img"

    hires: Hires = Field(False, description="Draw again, larger, from the enlarged first picture.")
    hires_upscaler: HiresUpscaler = Field("lanczos", description="What enlarges the first picture.")
    hires_scale: HiresScale = Field(2.0, description="How many times as wide and as high.")
    hires_width: HiresWidth = Field(0, description="Its width in place of the scale; 0 follows the height or scale.")
    hires_height: HiresHeight = Field(0, description="Its height in place of the scale; 0 follows the width or scale.")
    hires_steps: HiresSteps | None = Field(None, description="Steps of the second drawing; empty: as many.")
    hires_strength: HiresStrength = Field(0.5, description="How much is drawn anew: 0 keeps all, 1 keeps nothing.")
    hires_sampler: HiresSampler | None = Field(None, description="The sampler of the second drawing; empty: the same.")
    hires_schedule: HiresSchedule | None = Field(None, description="Its schedule; empty: the same.")
    hires_guidance_scale: HiresGuidanceScale | None = Field(None, description="Its guidance scale; empty: the same.")
    hires_checkpoint: HiresCheckpoint | None = Field(None, description="The model that draws it; empty: the same.")
    hires_prompt: HiresPrompt = Field("", description="Its words; empty: the same.")
    hires_negative_prompt: HiresNegativePrompt = Field("", description="Its negative words; empty: the same.")
