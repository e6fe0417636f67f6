"""FreeU's arithmetic is that of diffusers; it acts where the features are widest."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.utils.torch_utils import apply_freeu

from sdtoolbox.changes import FreeU
from sdtoolbox.engine.changes.free_u import weighed
from sdtoolbox.engine.diffusion import LatentDiffusion


@pytest.mark.parametrize("size", [(8, 8), (16, 4), (12, 10), (5, 7)])
def test_it_is_what_diffusers_does(size: tuple[int, int]) -> None:
    numbers = torch.Generator().manual_seed(0)
    up, over = torch.randn(2, 6, *size, generator=numbers), torch.randn(2, 4, *size, generator=numbers)
    theirs: Any = apply_freeu(0, up.clone(), over.clone(), s1=0.9, s2=0.2, b1=1.3, b2=1.4)
    for found, expected in zip(weighed(up, over, 1.3, 0.9), theirs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_weights_of_one_change_nothing() -> None:
    up, over = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    same_up, same_over = weighed(up, over, 1.0, 1.0)
    assert torch.equal(same_up, up)
    torch.testing.assert_close(same_over, over, atol=1e-6, rtol=0)


def test_each_pair_of_weights_has_its_place(tiny_model: LatentDiffusion) -> None:
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    read = tiny_model.encode("a house")
    plain = tiny_model.predict(x, 1.0, [read])[0]
    results = [
        tiny_model.changed(change).predict(x, 1.0, [read])[0]
        for change in (FreeU(b1=1.5), FreeU(b2=1.5), FreeU(s1=0.2), FreeU(s2=0.2))
    ]
    for i, one in enumerate(results):
        assert (one - plain).abs().max() > 1e-5
        assert all((one - other).abs().max() > 1e-6 for other in results[:i])
