"""Each interpolation is torch's own, at sizes that grow, shrink, and do neither evenly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from sdtoolbox.upscalers import latent

KINDS: list[tuple[Any, dict[str, Any]]] = [
    (latent.latent, {"mode": "bilinear"}),
    (latent.latent_antialiased, {"mode": "bilinear", "antialias": True}),
    (latent.latent_bicubic, {"mode": "bicubic"}),
    (latent.latent_bicubic_antialiased, {"mode": "bicubic", "antialias": True}),
    (latent.latent_nearest, {"mode": "nearest"}),
    (latent.latent_nearest_exact, {"mode": "nearest-exact"}),
    (latent.latent_area, {"mode": "area"}),
]


@pytest.mark.parametrize(("function", "options"), KINDS, ids=lambda one: getattr(one, "__name__", ""))
@pytest.mark.parametrize("size", [(16, 24), (11, 29), (8, 12), (5, 7), (1, 40)])
def test_it_is_what_torch_does(function: Any, options: dict[str, Any], size: tuple[int, int]) -> None:
    latents = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(3))
    found = function(latents, *size)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, F.interpolate(latents, size=size, **options), atol=1e-5, rtol=0)
