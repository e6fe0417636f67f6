"""The request of img2img: a picture drawn anew."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.pictures import (
    NO_PREPROCESSOR,
    ColorCorrection,
    ExactSteps,
    ImageGuidanceScale,
    LoopCurve,
    LoopFinalStrength,
    Loops,
    PictureId,
    Preprocessor,
    PreprocessorOptions,
    Resize,
    ResizeScale,
    Strength,
    Tiled,
    TileOverlap,
    TileSize,
    Upscaler,
)


class Img2Img(Drawing):
    """Draw a picture anew: from its own pixels at strength 0 to something else at strength 1."""

    task: ClassVar[str] = "img2img"

    image: PictureId | None = Field(None, description="The picture that is drawn anew.")
    strength: Strength = Field(0.75, description="How much is drawn anew: 0 gives the picture back, 1 keeps nothing.")
    exact_steps: ExactSteps = Field(
        False, description="Draw all the steps at any strength; else only its share of them."
    )
    resize_mode: Resize = Field(
        "stretch", description="Where the aspect changes: stretch, crop what is too much, fill what is missing."
    )
    resize_scale: ResizeScale = Field(
        1.0, description="How many times as wide and as high, where no width or height is given."
    )
    upscaler: Upscaler = Field("lanczos", description="What changes the picture's size.")
    color_correction: ColorCorrection = Field(False, description="Give the result the colours that the picture had.")
    preprocessor: Preprocessor = Field(
        NO_PREPROCESSOR, description="What the picture goes through before it is drawn anew."
    )
    preprocessor_options: PreprocessorOptions = Field({}, description="Options of the preprocessor, as name=value.")
    loops: Loops = Field(1, description="Draw again and again, each time from what came out.")
    loop_final_strength: LoopFinalStrength | None = Field(
        None, description="The strength of the last loop; empty: all loops have the same."
    )
    loop_curve: LoopCurve = Field("linear", description="How the strength gets there: fast, evenly, late.")
    tiled: Tiled = Field(
        False, description="Draw a large picture in tiles, with the memory and the skill of a small one."
    )
    tile_size: TileSize | None = Field(
        None, description="Width and height of a tile; empty takes the checkpoint's own."
    )
    tile_overlap: TileOverlap = Field(64, description="How far neighbours overlap: there they are blended.")
    image_guidance_scale: ImageGuidanceScale = Field(
        1.5, description="How closely models that edit by instruction follow the picture."
    )
