"""What one picture of a job says, where the prompts of the job leave something open."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.checks import Name, Text


class Wording(BaseModel):
    """The prompts of one picture by field, with everything decided, and the adapters that they name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompts: dict[Name, Text]
    adapters: tuple[Adapter, ...] = ()
