"""Changes act within a call, together, in one thread, and leave nothing behind, whatever happens."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdtoolbox.changes import FreeU, PerturbedAttention, Seamless
from sdtoolbox.engine.changes import changed
from sdtoolbox.engine.diffusion import LatentDiffusion

CHANGES = (FreeU(1.4, 1.6, 0.9, 0.2), PerturbedAttention(), Seamless())


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def estimate(model: Any, x: Tensor) -> Tensor:
    found: Tensor = model.predict(x, 3.0, [model.encode("a house")])[0]
    return found


@pytest.fixture
def x() -> Tensor:
    return torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(1)) * 3


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_a_change_acts_in_its_calls_only(tiny_model: LatentDiffusion, x: Tensor, change: Any) -> None:
    before = estimate(tiny_model, x)
    other = estimate(tiny_model.changed(change), x)
    assert (other - before).abs().max() > 1e-4
    assert torch.equal(estimate(tiny_model, x), before)
    assert hooks(tiny_model._unet) == hooks(tiny_model._vae) == 0


def test_several_act_together_in_any_order(tiny_model: LatentDiffusion, x: Tensor) -> None:
    together = estimate(tiny_model.changed(*CHANGES), x)
    in_turn = estimate(tiny_model.changed(CHANGES[2]).changed(CHANGES[0], CHANGES[1]), x)
    torch.testing.assert_close(together, in_turn)
    for change in CHANGES:
        assert (together - estimate(tiny_model.changed(change), x)).abs().max() > 1e-4


def test_an_error_within_the_call_leaves_nothing_behind(tiny_model: LatentDiffusion) -> None:
    def fails() -> None:
        with changed(tiny_model._unet, CHANGES):
            assert hooks(tiny_model._unet) > 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert hooks(tiny_model._unet) == 0


def test_another_thread_sees_nothing_of_it(tiny_model: LatentDiffusion, x: Tensor) -> None:
    before = estimate(tiny_model, x)
    seen: list[Tensor] = []
    with changed(tiny_model._unet, CHANGES):
        thread = threading.Thread(target=lambda: seen.append(estimate(tiny_model, x)))
        thread.start()
        thread.join()
    assert torch.equal(seen[0], before)
