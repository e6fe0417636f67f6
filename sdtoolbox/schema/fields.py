"""Field types of requests, each written once: bounds, help, the control that shows it, the key in a picture's text.

A request says `steps: Steps | None = None` and every door follows: the form draws a slider, the command line
gets a flag, the API a typed parameter, a picture's metadata the key "Steps".
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

LARGEST_SEED = 2**53 - 1  # JSON numbers above this lose digits in browsers: the seed shown would not be the one used
TEXT_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Control:
    """How a field is shown and written down.

    `choices` names the registry ("samplers", "schedules") or "checkpoints" that the value is chosen from;
    `parameters_key` is the field's key in the A1111 text of a picture, empty if it does not stand there; `group` is
    the folded group of the form, empty for the first view; `step` is a slider's step; `aliases` are more names on
    the command line and in APIs.
    """

    kind: Literal["prompt", "slider", "number", "choice", "seed", "size", "flag"]
    label: str
    parameters_key: str = ""
    choices: str = ""
    group: str = ""
    step: float = 1
    unit: str = ""
    slider_maximum: float | None = None  # where the slider ends, if far below what is allowed
    aliases: tuple[str, ...] = ()


def plain_number(value: Any) -> Any:
    """Refuse what JSON or a form can send for a number and Python would quietly take: true, "512", NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite_number", "is not a finite number")
    return value


def whole_number(value: Any) -> Any:
    """As `plain_number`, and without a fraction; 20.0 is taken for 20 because forms and JSON send that."""
    value = plain_number(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise PydanticCustomError("whole_number", "is not a whole number")
        return int(value)
    return value


def clean_text(value: str) -> str:
    """NFC text; refuses NUL, which breaks databases and PNG text (pydantic itself refuses lone surrogates)."""
    if "\0" in value:
        raise PydanticCustomError("text_nul", "holds a NUL character")
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))


Text = Annotated[str, Field(max_length=TEXT_LIMIT), AfterValidator(clean_text)]
Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(clean_text)]
# Validators come after the bounds: the other way round pydantic leaves the bounds out of the JSON schema.
WHOLE = BeforeValidator(whole_number)
REAL = BeforeValidator(plain_number)

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
Seed = Annotated[int, Field(ge=-1, le=LARGEST_SEED), WHOLE, Control("seed", "Seed", "Seed")]
BatchCount = Annotated[int, Field(ge=1, le=100), WHOLE, Control("slider", "Batch count", slider_maximum=16)]
BatchSize = Annotated[int, Field(ge=1, le=64), WHOLE, Control("slider", "Batch size", slider_maximum=8)]
