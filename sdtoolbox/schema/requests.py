"""Requests: frozen, bounded, finite, without paths, URLs or pixels; one class a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.fields import (
    Adapters,
    BatchCount,
    BatchSize,
    CheckpointName,
    Control,
    GuidanceScale,
    Height,
    NegativePrompt,
    Prompt,
    SamplerName,
    ScheduleName,
    Seed,
    Steps,
    VaeName,
    Width,
)
from sdtoolbox.schema.problems import explain


class Request(BaseModel):
    """What a task is asked to do: small JSON that can be queued, hashed, written into a picture and replayed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    task: ClassVar[str]

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The request with these values by field name or alias; `InvalidRequest` names every field at fault."""
        try:
            return cls.model_validate(cls.without_aliases(values))
        except ValidationError as error:
            raise InvalidRequest(explain(error, cls)) from None

    @classmethod
    def without_aliases(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values with every alias ("model") replaced by its field's name ("checkpoint")."""
        names = {alias: name for name in cls.model_fields for alias in control_of(cls, name).aliases}
        return {names.get(key, key): value for key, value in values.items()}


class Txt2Img(Request):
    """Draw pictures from a sentence."""

    task: ClassVar[str] = "txt2img"

    prompt: Prompt = Field("", description="What the picture shows, in words.")
    negative_prompt: NegativePrompt = Field("", description="What the picture should keep away from.")
    checkpoint: CheckpointName | None = Field(None, description="The model that draws; by id, name or hash.")
    vae: VaeName | None = Field(None, description="What decodes the picture; empty takes the checkpoint's own.")
    adapters: Adapters = Field((), description="LoRAs and their kin, as name:weight or name:weight:weight on the text.")
    width: Width | None = Field(None, description="Its width in pixels; empty takes the checkpoint's own.")
    height: Height | None = Field(None, description="Its height in pixels; empty takes the checkpoint's own.")
    steps: Steps | None = Field(None, description="How many times the noise is lowered: more is slower and finer.")
    sampler: SamplerName | None = Field(None, description="The method that goes from noise to picture.")
    schedule: ScheduleName | None = Field(None, description="How the noise levels are spread over the steps.")
    guidance_scale: GuidanceScale | None = Field(
        None, description="How closely to follow the words; 1 leaves guidance out and is twice as fast."
    )
    seed: Seed = Field(-1, description="Where chance starts: the same seed draws the same picture; -1 takes any.")
    batch_count: BatchCount = Field(1, description="How many batches to draw, one after another.")
    batch_size: BatchSize = Field(1, description="How many pictures to draw at the same time.")


def control_of(request: type[Request], name: str) -> Control:
    """The control of a request's field; every field has one, looked for inside `X | None` too."""
    found = _find_control(request.model_fields[name])
    if found is None:
        raise TypeError(f"{request.__name__}.{name} has no Control: use a type of sdtoolbox.schema.fields")
    return found


def _find_control(info: FieldInfo) -> Control | None:
    stack: list[Any] = [*info.metadata, info.annotation]
    while stack:
        part = stack.pop()
        if isinstance(part, Control):
            return part
        stack.extend(getattr(part, "__metadata__", ()))
        stack.extend(getattr(part, "__args__", ()))
    return None


def bounds_of(request: type[Request], name: str) -> tuple[float | None, float | None]:
    """Smallest and largest allowed value of a number field, None where there is no bound."""
    schema = request.model_json_schema()["properties"][name]
    for part in (schema, *schema.get("anyOf", ())):
        if "minimum" in part or "maximum" in part:
            return part.get("minimum"), part.get("maximum")
    return None, None
