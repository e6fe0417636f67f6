"""Field types of requests, each written once: bounds, help, the control that shows it, the key in a picture's text.

A request says `steps: Steps | None = None` and every door follows: the form draws a slider, the command line
gets a flag, the API a typed parameter, a picture's metadata the key "Steps".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sdtoolbox.schema.adapters import Adapter, adapters_from
from sdtoolbox.schema.checks import REAL, WHOLE, Name, Text, names_from
from sdtoolbox.schema.plots import Plot, plot_from
from sdtoolbox.schema.wordings import Wording

LARGEST_SEED = 2**53 - 1  # JSON numbers above this lose digits in browsers: the seed shown would not be the one used


@dataclass(frozen=True, slots=True)
class Control:
    """How a field is shown and written down.

    `choices` names the registry ("samplers", "schedules") that the value is chosen from, or a shelf of the catalog
    ("checkpoints", "vaes", "adapters");
    `parameters_key` is the field's key in the A1111 text of a picture, empty if it does not stand there; `group` is
    the folded group of the form, empty for the first view; `step` is a slider's step; `aliases` are more names on
    the command line and in APIs.
    """

    kind: Literal[
        "prompt",
        "slider",
        "number",
        "choice",
        "seed",
        "size",
        "flag",
        "adapters",
        "options",
        "styles",
        "hidden",
        "plot",
        "picture",
        "mask",
        "stages",
        "steers",
        "restorer",
    ]
    label: str
    parameters_key: str = ""
    choices: str = ""
    group: str = ""
    step: float = 1
    unit: str = ""
    options: tuple[tuple[str, str], ...] = ()  # of a choice, fixed here, before those of `choices`: (value, label)
    absent: int | str | None = None  # what a text without the key means; not written then
    spelled: tuple[tuple[str, str], ...] = ()  # (value, word) where A1111's word is not the label
    of: str = ""  # the field that must be set for this one to mean anything
    same: bool = False  # empty means as in the first pass, or none: the checkpoint's defaults do not fill it
    slider_maximum: float | None = None  # where the slider ends, if far below what is allowed
    aliases: tuple[str, ...] = ()
    moving: bool = False  # a field for a picture that takes a video too


# Validators come after the bounds: the other way round pydantic leaves the bounds out of the JSON schema.

Prompt = Annotated[Text, Control("prompt", "Prompt")]
NegativePrompt = Annotated[Text, Control("prompt", "Negative prompt")]
CheckpointName = Annotated[Name, Control("choice", "Checkpoint", "Model", choices="checkpoints", aliases=("model",))]
Width = Annotated[int, Field(ge=16, le=4096), WHOLE, Control("size", "Width", step=8, unit="px", slider_maximum=1024)]
Height = Annotated[int, Field(ge=16, le=4096), WHOLE, Control("size", "Height", step=8, unit="px", slider_maximum=1024)]
Steps = Annotated[int, Field(ge=1, le=1000), WHOLE, Control("slider", "Steps", "Steps", slider_maximum=100)]
GuidanceScale = Annotated[
    float, Field(ge=0, le=100), REAL, Control("slider", "Guidance scale", "CFG scale", step=0.5, slider_maximum=20)
]
SamplerName = Annotated[Name, Control("choice", "Sampler", "Sampler", choices="samplers")]
ScheduleName = Annotated[Name, Control("choice", "Schedule", "Schedule type", choices="schedules")]
Combinatorial = Annotated[bool, Control("flag", "All combinations", group="more")]
Wordings = Annotated[tuple[Wording, ...], Field(max_length=6400), Control("hidden", "Wordings")]
Styles = Annotated[
    tuple[Name, ...],
    Field(max_length=32),
    BeforeValidator(names_from),
    Control("styles", "Styles", choices="", aliases=("style",)),
]
EmphasisMode = Literal["original", "no norm", "ignore"]
Emphasis = Annotated[
    EmphasisMode,
    BeforeValidator(lambda value: value.casefold() if isinstance(value, str) else value),
    Control(
        "choice",
        "Emphasis",
        "Emphasis",
        group="more",
        options=(("original", "Original"), ("no norm", "No norm"), ("ignore", "Ignore")),
        absent="original",
    ),
]
ClipSkip = Annotated[
    int,
    Field(ge=1, le=24),
    WHOLE,
    Control("slider", "CLIP skip", "Clip skip", group="more", slider_maximum=12, absent=1),
]
VaeName = Annotated[Name, Control("choice", "VAE", "VAE", choices="vaes", group="more")]
Adapters = Annotated[
    tuple[Adapter, ...],
    Field(max_length=32),
    BeforeValidator(adapters_from),
    Control("adapters", "LoRA", choices="adapters", group="lora", aliases=("lora", "loras")),
]
Seed = Annotated[int, Field(ge=-1, le=LARGEST_SEED), WHOLE, Control("seed", "Seed", "Seed")]
BatchCount = Annotated[int, Field(ge=1, le=100), WHOLE, Control("slider", "Batch count", slider_maximum=16)]
BatchSize = Annotated[int, Field(ge=1, le=64), WHOLE, Control("slider", "Batch size", slider_maximum=8)]
PlotField = Annotated[Plot | None, BeforeValidator(plot_from), Control("plot", "X/Y/Z plot", group="plot")]
