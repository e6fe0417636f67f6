"""Field types of requests on a picture: the picture and the mask by id, strength, sizes, and how a mask is meant."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sdtoolbox.schema.checks import REAL, WHOLE, Name
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.options import Options

PICTURE_ID = r"^[0-9a-f]{32}$"


def _choice(label: str, key: str, words: dict[str, tuple[str, str]], **more: Any) -> Control:
    """A choice whose values have a label for people, and the word that A1111 has for them."""
    return Control(
        "choice",
        label,
        key,
        options=tuple((value, said) for value, (said, _) in words.items()),
        spelled=tuple((value, word) for value, (_, word) in words.items()),
        **more,
    )


PictureId = Annotated[
    str, Field(pattern=PICTURE_ID), Control("picture", "Picture", "Init image hash", aliases=("init_image",))
]
PictureOrVideoId = Annotated[
    str,
    Field(pattern=PICTURE_ID),
    Control("picture", "Picture or video", "Init image hash", aliases=("init_image", "video"), moving=True),
]
MaskId = Annotated[str, Field(pattern=PICTURE_ID), Control("mask", "Mask", "Mask hash")]
Strength = Annotated[
    float, Field(ge=0, le=1), REAL, Control("slider", "Strength", "Denoising strength", step=0.05, aliases=("denoise",))
]
ExactSteps = Annotated[bool, Control("flag", "Exact steps", "Exact steps", group="more", absent=False)]

# Sizes

ResizeMode = Literal["stretch", "crop", "fill", "latent"]
Resize = Annotated[
    ResizeMode,
    _choice(
        "Resize mode",
        "Resize mode",
        {
            "stretch": ("Stretch", "Just resize"),
            "crop": ("Crop", "Crop and resize"),
            "fill": ("Fill", "Resize and fill"),
            "latent": ("Latent", "Just resize (latent upscale)"),
        },
        group="resize",
        absent="stretch",
    ),
]
ResizeScale = Annotated[
    float,
    Field(ge=0.05, le=8),
    REAL,
    Control("slider", "Scale", "Resize scale", group="resize", step=0.05, absent=1, slider_maximum=4),
]
Upscaler = Annotated[Name, Control("choice", "Upscaler", "Upscaler", choices="upscalers", group="resize")]
ColorCorrection = Annotated[
    bool, Control("flag", "Colour correction", "Color correction", group="resize", absent=False)
]

# Again and again

Loops = Annotated[
    int, Field(ge=1, le=32), WHOLE, Control("slider", "Loops", "Loops", group="loopback", absent=1, slider_maximum=10)
]
LoopFinalStrength = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Final strength", "Final denoising strength", group="loopback", step=0.05, same=True),
]
LoopCurve = Annotated[
    Literal["aggressive", "linear", "lazy"],
    _choice(
        "Strength curve",
        "Denoising strength curve",
        {"aggressive": ("Aggressive", "Aggressive"), "linear": ("Linear", "Linear"), "lazy": ("Lazy", "Lazy")},
        group="loopback",
        absent="linear",
    ),
]

# Before it is drawn

NO_PREPROCESSOR = "none"
Preprocessor = Annotated[
    Name,
    Control(
        "choice",
        "Preprocessor",
        "Preprocessor",
        choices="preprocessors",
        group="preprocessor",
        options=((NO_PREPROCESSOR, "None"),),
        absent=NO_PREPROCESSOR,
    ),
]
PreprocessorOptions = Annotated[
    Options,
    Control("options", "Preprocessor options", "Preprocessor options", choices="preprocessors", group="preprocessor"),
]

# Tiles

Tiled = Annotated[bool, Control("flag", "SD upscale", group="tiles")]
TileSize = Annotated[
    int,
    Field(ge=64, le=2048),
    WHOLE,
    Control("slider", "Tile size", "SD upscale tile", group="tiles", of="tiled", step=8, unit="px", same=True),
]
TileOverlap = Annotated[
    int,
    Field(ge=8, le=512),
    WHOLE,
    Control("slider", "Tile overlap", "SD upscale overlap", group="tiles", of="tiled", step=8, unit="px"),
]

ImageGuidanceScale = Annotated[
    float,
    Field(ge=0, le=100),
    REAL,
    Control("slider", "Picture guidance", "Image CFG scale", group="guidance", step=0.05, slider_maximum=3, absent=1.5),
]

# Masks

MaskMode = Annotated[
    Literal["masked", "unmasked"],
    _choice(
        "Repaint",
        "Mask mode",
        {"masked": ("What is masked", "Inpaint masked"), "unmasked": ("The rest", "Inpaint not masked")},
        group="mask",
        absent="masked",
    ),
]
MaskGrow = Annotated[
    int,
    Field(ge=-256, le=256),
    WHOLE,
    Control("slider", "Grow the mask", "Mask grow", group="mask", unit="px", absent=0),
]
MaskBlur = Annotated[
    int,
    Field(ge=0, le=64),
    WHOLE,
    Control("slider", "Mask blur", "Mask blur", group="mask", unit="px", slider_maximum=32),
]
Fill = Annotated[
    Name,
    _choice(
        "Fill",
        "Masked content",
        {
            "original": ("Original", "original"),
            "noise": ("Latent noise", "latent noise"),
            "nothing": ("Latent nothing", "latent nothing"),
        },
        choices="fillers",
        absent="original",
    ),
]
"""What stands under the mask before it is drawn: one of these, or a filler."""
Area = Annotated[
    Literal["whole", "masked"],
    _choice(
        "Area",
        "Inpaint area",
        {"whole": ("Whole picture", "Whole picture"), "masked": ("Only masked", "Only masked")},
        absent="whole",
    ),
]
Padding = Annotated[
    int,
    Field(ge=0, le=512),
    WHOLE,
    Control("slider", "Padding", "Masked area padding", group="mask", unit="px", slider_maximum=256),
]
ColorMatch = Annotated[bool, Control("flag", "Match colours", "Color match", group="mask", absent=True)]


def _outpaint(side: str) -> Any:
    return Control("number", f"Widen {side}", f"Outpaint {side}", group="outpaint", step=8, unit="px", absent=0)


OutpaintLeft = Annotated[int, Field(ge=0, le=4096), WHOLE, _outpaint("left")]
OutpaintRight = Annotated[int, Field(ge=0, le=4096), WHOLE, _outpaint("right")]
OutpaintTop = Annotated[int, Field(ge=0, le=4096), WHOLE, _outpaint("top")]
OutpaintBottom = Annotated[int, Field(ge=0, le=4096), WHOLE, _outpaint("bottom")]
OutpaintSettling = Annotated[
    int, Field(ge=0, le=8), WHOLE, Control("slider", "Settling", "Outpaint settling", group="outpaint", absent=2)
]

Eraser = Annotated[Name, Control("choice", "Eraser", "Eraser", choices="fillers")]
EraserNetwork = Annotated[Name, Control("choice", "Network", "Eraser network", choices="erasers", same=True)]
