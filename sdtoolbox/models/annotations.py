"""What people write about a model: tags, notes, trigger words, values to draw it with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.checks import Text, clean_text
from sdtoolbox.schema.txt2img import Txt2Img

Word = Annotated[str, Field(max_length=500)]
Value = int | float | str
DEFAULTS = ("width", "height", "steps", "sampler", "schedule", "guidance_scale", "clip_skip")
"""The request fields that a checkpoint may bring values for."""


class Annotation(BaseModel):
    """None, or nothing in it: what the model's own files say holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tags: tuple[Word, ...] | None = Field(None, max_length=100)
    notes: Text | None = None
    trigger_words: tuple[Word, ...] | None = Field(None, max_length=100)
    defaults: dict[str, Value] | None = None

    @field_validator("tags", "trigger_words")
    @classmethod
    def _clean(cls, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        stripped = (clean_text(word).strip() for word in words or ())
        return None if words is None else tuple(dict.fromkeys(word for word in stripped if word))

    def changes(self, entry: CatalogEntry) -> dict[str, Any]:
        """The fields of the entry that this replaces, with their new values."""
        changes: dict[str, Any] = {
            name: value for name in ("tags", "notes", "trigger_words") if (value := getattr(self, name))
        }
        if self.defaults:
            changes["defaults"] = {**entry.defaults, **self.defaults}
        return changes

    def changed(self, **values: Any) -> Annotation:
        """The same with those of `values` that are not None; UserError PARAM_INVALID names the one at fault."""
        given = {name: value for name, value in values.items() if value is not None}
        try:
            annotation = Annotation.model_validate(self.model_dump() | given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            raise UserError("PARAM_INVALID", f"{name} cannot be kept: {first['msg']}.", "", name) from None
        if "defaults" in given:
            _check_defaults(annotation.defaults or {})
        return annotation


def _check_defaults(defaults: Mapping[str, Value]) -> None:
    for name in defaults:
        if name not in (*DEFAULTS, "weight"):
            hint = f"Those can: {', '.join(DEFAULTS)}; of an adapter, weight."
            raise UserError("PARAM_INVALID", f"{name[:80]} cannot have a default of a model.", hint, "defaults")
    drawn = {name: value for name, value in defaults.items() if name in DEFAULTS}
    weights = [{"adapter": "x", "weight": value} for name, value in defaults.items() if name == "weight"]
    Txt2Img.parse(drawn | {"adapters": weights})
