"""The requests that give a picture back cleaner or larger: what is done to it, and how large it becomes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from sdtoolbox.schema.checks import REAL, WHOLE, Name
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.pictures import PICTURE_ID, PictureOrVideoId
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.stages import Stages

LARGEST_SIDE = 65_535
"""Of a result, in pixels; how many pixels it may have in all is a setting."""

ReferenceId = Annotated[str, Field(pattern=PICTURE_ID), Control("picture", "Reference", group="measure")]
StagesField = Annotated[Stages, Control("stages", "Stages", "Restore stages", aliases=("stage",))]
NoiseLevel = Annotated[
    float,
    Field(ge=0, le=100),
    REAL,
    Control("slider", "Noise", "Noise level", step=0.5, unit="of 255", slider_maximum=60),
]
JpegQuality = Annotated[int, Field(ge=1, le=100), WHOLE, Control("slider", "JPEG quality", "JPEG quality")]
Window = Annotated[tuple[int, int, int, int] | None, Control("hidden", "Window")]
Diffusion = Annotated[bool, Control("hidden", "Diffusion")]
Frames = Annotated[int, Field(ge=1), WHOLE, Control("hidden", "Frames")]
Crf = Annotated[
    int,
    Field(ge=1, le=51),
    WHOLE,
    Control("slider", "Video CRF", "Video CRF", group="video", absent=16, slider_maximum=32),
]
DifferenceMap = Annotated[bool, Control("flag", "Difference map", group="measure", aliases=("difference",))]
Scale = Annotated[
    float, Field(ge=0.1, le=16), REAL, Control("slider", "Scale", "Postprocess upscale by", step=0.25, slider_maximum=8)
]


def _side(label: str) -> Control:
    return Control("size", label, group="size", step=1, unit="px", slider_maximum=8192)


TargetWidth = Annotated[int, Field(ge=1, le=LARGEST_SIDE), WHOLE, _side("Target width")]
TargetHeight = Annotated[int, Field(ge=1, le=LARGEST_SIDE), WHOLE, _side("Target height")]
LongestSide = Annotated[int, Field(ge=1, le=LARGEST_SIDE), WHOLE, _side("Longest side")]
Enlarger = Annotated[Name, Control("restorer", "Upscaler", "Postprocess upscaler", aliases=("model",))]
SecondEnlarger = Annotated[Name, Control("restorer", "Second upscaler", "Postprocess upscaler 2", group="more")]
SecondShare = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control(
        "slider",
        "Share of the second",
        "Postprocess upscaler 2 visibility",
        group="more",
        step=0.05,
        of="second_upscaler",
    ),
]


class Restoring(Request):
    """A picture or a video, what is done to it, one stage after another, and what is known of its damage."""

    image: PictureOrVideoId | None = Field(
        None, description="The picture, whose depth, alpha and colour profile stay; or a video, whose sound stays."
    )
    noise: NoiseLevel | None = Field(
        None, description="How noisy it is: the noise's standard deviation of 255; empty: measured, 0: not at all."
    )
    jpeg_quality: JpegQuality | None = Field(
        None, description="The quality that it was saved with as a JPEG; empty: measured, 100: never was."
    )
    reference: ReferenceId | None = Field(
        None, description="The picture as it should be, to measure how close the result comes."
    )
    difference_map: DifferenceMap = Field(
        False, description="Also a picture of the difference from the reference, or from the picture if there is none."
    )
    window: Window = Field(None, description="Only this part of the picture: left, top, right, bottom in its pixels.")

    crf: Crf = Field(
        16, description="Of a video: how much its compression may lose. 16 cannot be seen; 6 more halve the file."
    )
    frames: Frames | None = Field(
        None, description="How many frames a video has, as far as its file says; empty for a picture; resolving says."
    )

    @property
    def restorers(self) -> tuple[str, ...]:
        """What the request names to restore with, in the order in which it is used."""
        return tuple(stage.restorer for stage in getattr(self, "stages", ()))


class Denoise(Restoring):
    """Take noise, JPEG blocks and other damage out of a picture, by any restorers in any order."""

    task: ClassVar[str] = "denoise"

    stages: StagesField = Field(
        (), description="What is done, in this order, as name: strength=1, blend=1; empty: what was measured decides."
    )


class Upscale(Restoring):
    """Make a picture larger with detail that a resampling does not give, clean it before if need be."""

    task: ClassVar[str] = "upscale"

    scale: Scale | None = Field(None, description="How many times wider and higher; empty: 2, or what sizes say.")
    width: TargetWidth | None = Field(None, description="So wide; the height follows if it is empty.")
    height: TargetHeight | None = Field(None, description="So high; the width follows if it is empty.")
    longest_side: LongestSide | None = Field(None, description="The longer side becomes so long, the other follows.")
    upscaler: Enlarger | None = Field(None, description="What enlarges; empty: the built-in network nearest in scale.")
    diffusion: Diffusion = Field(False, description="Whether what enlarges is a checkpoint; resolving says.")
    second_upscaler: SecondEnlarger | None = Field(None, description="A second one that is mixed in; empty: none.")
    second_share: SecondShare = Field(0.5, description="How much of the second one is mixed in.")
    stages: StagesField = Field(
        (), description="What is done before, as name: strength=1, blend=1; empty: what was measured decides."
    )

    @property
    def restorers(self) -> tuple[str, ...]:
        """What the request names to restore with, in the order in which it is used."""
        enlargers = (self.upscaler, self.second_upscaler)
        return (*super().restorers, *(name for name in enlargers if name is not None))
