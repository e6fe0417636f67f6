"""The stages of a restoration, one after another; each written `name: strength=0.8, blend=0.5` or as an object."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sdtoolbox.schema.checks import REAL, Name, several_from
from sdtoolbox.schema.options import Options, options_from, written


class RestoreStage(BaseModel):
    """One restorer in a request: an id or label, a network or a checkpoint of the catalog; how strongly, how much."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    restorer: Name = Field(description="Which one: by id, label, or the name of a network.")
    strength: Annotated[float, Field(ge=0, le=4), REAL] = Field(
        1.0, description="The noise level that it is told, as a multiple of the picture's; for those that take one."
    )
    blend: Annotated[float, Field(ge=0, le=1), REAL] = Field(
        1.0, description="The share of its result; the rest is what came in."
    )
    diffusion: bool = Field(False, description="Whether it is a checkpoint, which invents detail; resolving says.")
    options: Options = Field({}, description="Options of the restorer, as name=value.")

    def short(self) -> str:
        """The short form: only what is not as usual stands behind the name."""
        numbers = {name: getattr(self, name) for name in ("strength", "blend") if getattr(self, name) != 1}
        told = written({**numbers, **self.options})
        return f"{self.restorer}: {told}" if told else self.restorer


def stages_from(value: Any) -> Any:
    """Stages from what doors send: a list of objects or short forms, or several short forms in lines."""
    return several_from(value, _stage_from)


def _stage_from(text: str) -> dict[str, Any]:
    name, _, told = text.partition(":")
    values = dict(options_from(told))
    own = {key: values.pop(key) for key in ("strength", "blend") if key in values}
    return {"restorer": name.strip(), **own, "options": values}


Stages = Annotated[tuple[RestoreStage, ...], Field(max_length=8), BeforeValidator(stages_from)]
