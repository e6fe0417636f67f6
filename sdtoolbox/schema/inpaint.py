"""The requests on a masked picture: what is masked is drawn anew, or taken away; the rest stays as it is."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.pictures import (
    Area,
    ColorMatch,
    Eraser,
    EraserNetwork,
    ExactSteps,
    Fill,
    MaskBlur,
    MaskGrow,
    MaskId,
    MaskMode,
    OutpaintBottom,
    OutpaintLeft,
    OutpaintRight,
    OutpaintSettling,
    OutpaintTop,
    Padding,
    PictureId,
    Strength,
)
from sdtoolbox.schema.requests import Request


class Masked(Request):
    """A picture, and which part of it is meant."""

    image: PictureId | None = Field(None, description="The picture; what is not masked stays as it is.")
    mask: MaskId | None = Field(None, description="White where it is meant, black where not; grey is partly.")
    mask_mode: MaskMode = Field("masked", description="Whether what is masked is meant, or the rest.")
    mask_grow: MaskGrow = Field(0, description="How far the mask is grown; negative shrinks it.")
    mask_blur: MaskBlur = Field(4, description="How softly the mask ends; it reaches two and a half times as far.")
    color_match: ColorMatch = Field(True, description="Give the new part the colours of what is around it.")


class Inpaint(Drawing, Masked):
    """Draw a part of a picture anew, or more around it; the rest stays as it is, bit for bit."""

    task: ClassVar[str] = "inpaint"

    strength: Strength | None = Field(
        None, description="How much is drawn anew; empty: 0.75, or 1 where the picture is widened."
    )
    exact_steps: ExactSteps = Field(
        False, description="Draw all the steps at any strength; else only its share of them."
    )
    fill: Fill = Field("original", description="What stands under the mask before it is drawn.")
    area: Area = Field("whole", description="Draw the whole picture, or only what is masked, in finer detail.")
    padding: Padding = Field(32, description="How much around the mask is seen when only that is drawn.")
    outpaint_left: OutpaintLeft = Field(0, description="How much is drawn beyond the left edge.")
    outpaint_right: OutpaintRight = Field(0, description="How much is drawn beyond the right edge.")
    outpaint_top: OutpaintTop = Field(0, description="How much is drawn beyond the upper edge.")
    outpaint_bottom: OutpaintBottom = Field(0, description="How much is drawn beyond the lower edge.")
    outpaint_settling: OutpaintSettling = Field(
        2, description="How often that is drawn over, to grow together with the picture."
    )


class Erase(Masked):
    """Take something out of a picture without a prompt; the rest stays as it is, bit for bit."""

    task: ClassVar[str] = "erase"

    eraser: Eraser = Field("patch", description="What continues the surroundings, by arithmetic alone.")
    network: EraserNetwork | None = Field(
        None, description="A network that does it in place of the eraser, such as LaMa."
    )
