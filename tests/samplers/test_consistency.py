from __future__ import annotations

import torch

from sdtoolbox.samplers.consistency import consistent
from sdtoolbox.samplers.euler import euler
from tests.fakes import gaussian


def test_every_estimate_is_corrected_before_the_sampler_sees_it() -> None:
    seen: list[float] = []

    def correct(estimate: torch.Tensor) -> torch.Tensor:
        seen.append(float(estimate.mean()))
        return torch.cat([torch.full_like(estimate[..., :1], 0.5), estimate[..., 1:]], -1)

    x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 3
    sigmas = [3.0, 1.0, 0.3, 0.0]
    found = euler(
        consistent(correct)(gaussian), x, sigmas, noise=lambda a, b: torch.zeros_like(x), on_step=lambda *_: None
    )
    assert len(seen) == 3
    assert torch.allclose(found[..., 0], torch.full_like(found[..., 0], 0.5), atol=1e-6)
    free = euler(gaussian, x, sigmas, noise=lambda a, b: torch.zeros_like(x), on_step=lambda *_: None)
    assert torch.allclose(found[..., 1:], free[..., 1:])
