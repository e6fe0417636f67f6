"""Field types of what bends a drawing: options of the sampler, guidance, variations, pictures without seams."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sdtoolbox.schema.checks import REAL, WHOLE
from sdtoolbox.schema.fields import LARGEST_SEED, Control
from sdtoolbox.schema.options import Options

SamplerOptions = Annotated[
    Options, Control("options", "Sampler options", "Sampler options", choices="samplers", group="sampler")
]
ScheduleOptions = Annotated[
    Options, Control("options", "Schedule options", "Schedule options", choices="schedules", group="sampler")
]

GuidanceRescale = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Guidance rescale", "CFG rescale", group="guidance", step=0.05, absent=0),
]
GuidanceStart = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Guidance start", "Skip Early CFG", group="guidance", step=0.05, absent=0),
]
GuidanceEnd = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Guidance end", "Guidance end", group="guidance", step=0.05, absent=1),
]
GuidanceInTurn = Annotated[bool, Control("flag", "Guidance in turn", group="guidance")]
PagScale = Annotated[
    float,
    Field(ge=0, le=100),
    REAL,
    Control("slider", "Perturbed attention", "PAG scale", group="guidance", step=0.5, slider_maximum=10, absent=0),
]


def _free_u(label: str) -> Control:
    return Control("slider", label, label, group="guidance", step=0.05, slider_maximum=2, absent=1)


FreeUB1 = Annotated[float, Field(ge=0, le=4), REAL, _free_u("FreeU b1")]
FreeUB2 = Annotated[float, Field(ge=0, le=4), REAL, _free_u("FreeU b2")]
FreeUS1 = Annotated[float, Field(ge=0, le=4), REAL, _free_u("FreeU s1")]
FreeUS2 = Annotated[float, Field(ge=0, le=4), REAL, _free_u("FreeU s2")]

VariationSeed = Annotated[
    int,
    Field(ge=-1, le=LARGEST_SEED),
    WHOLE,
    Control("number", "Variation seed", "Variation seed", group="variation", absent=-1),
]
VariationStrength = Annotated[
    float,
    Field(ge=0, le=1),
    REAL,
    Control("slider", "Variation strength", "Variation seed strength", group="variation", step=0.01, absent=0),
]
SeedResizeWidth = Annotated[
    int, Field(ge=0, le=4096), WHOLE, Control("number", "Resize seed from width", group="variation", step=8, unit="px")
]
SeedResizeHeight = Annotated[
    int, Field(ge=0, le=4096), WHOLE, Control("number", "Resize seed from height", group="variation", step=8, unit="px")
]

TilingMode = Literal["none", "both", "horizontal", "vertical"]
_YES_NO = {"true": "both", "false": "none"}  # what texts of A1111 say


def _tiling(value: object) -> object:
    return _YES_NO.get(str(value).casefold(), value.casefold() if isinstance(value, str) else value)


Tiling = Annotated[
    TilingMode,
    BeforeValidator(_tiling),
    Control(
        "choice",
        "Seamless tiling",
        "Tiling",
        group="more",
        options=(("none", "None"), ("both", "Both ways"), ("horizontal", "Horizontal"), ("vertical", "Vertical")),
        spelled=(("both", "True"), ("horizontal", "horizontal"), ("vertical", "vertical")),
        absent="none",
    ),
]
