"""What a family of checkpoints is drawn with where a checkpoint says nothing itself, and what one still lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.unets import NEEDED

_USUAL: Mapping[str, Any] = {
    "steps": 20,
    "guidance_scale": 7.0,
    "sampler": "dpmpp_2m",
    "schedule": "karras",
    "clip_skip": 1,
}

FAMILY_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sd1": {"width": 512, "height": 512, **_USUAL},
    "sd2": {"width": 512, "height": 512, **_USUAL},
    "sdxl": {"width": 1024, "height": 1024, **_USUAL},
    "sdxl_refiner": {"width": 1024, "height": 1024, **_USUAL},
}
"""Values of request fields by base, for every base that can draw."""


def family_defaults(base: str, prediction: str) -> dict[str, Any]:
    """The values of request fields that suit a checkpoint of this base, a v-predicting SD 2 being the larger one."""
    defaults = dict(FAMILY_DEFAULTS.get(base, {}))
    if base == "sd2" and prediction == "v_prediction":
        defaults |= {"width": 768, "height": 768}
    return defaults


def missing_parts(checkpoint: CatalogEntry) -> tuple[str, ...]:
    """Which parts a checkpoint needs and lacks, in the order of `NEEDED`."""
    return tuple(part for part in NEEDED.get(checkpoint.base, ()) if part not in checkpoint.parts)
