"""Which steers bend a drawing, one around the other; each written `name: percentile=0.99` or as an object."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sdtoolbox.schema.checks import Name, several_from
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.options import Options, options_from, written


class ChosenSteer(BaseModel):
    """One steer in a request: its id or label, and those of its options that are not as usual."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steer: Name = Field(description="Which one: by id or label.")
    options: Options = Field({}, description="Options of the steer, as name=value.")

    def short(self) -> str:
        """The short form, which `steers_from` reads."""
        return f"{self.steer}: {written(self.options)}" if self.options else self.steer


def steers_from(value: Any) -> Any:
    """Steers from what doors send: a list of objects or short forms, or several short forms in lines."""
    return several_from(value, _steer_from)


def _steer_from(text: str) -> dict[str, Any]:
    name, _, told = text.partition(":")
    return {"steer": name.strip(), "options": options_from(told)}


Steers = Annotated[
    tuple[ChosenSteer, ...],
    Field(max_length=8),
    BeforeValidator(steers_from),
    Control("steers", "Steers", "Steers", choices="steers", group="guidance", aliases=("steer",)),
]
