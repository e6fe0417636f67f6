"""What every steer promises: another estimate of the same shape, an image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sdtoolbox.registered import SteerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import Look, PromiseError, at_each_end
from sdtoolbox.testing.denoisers import gaussian
from sdtoolbox.testing.noise import batch_noise
from sdtoolbox.testing.samplers import LEVELS, TABLE

if TYPE_CHECKING:
    from torch import Tensor


def guided(x: Tensor, sigma: float) -> Tensor:
    """As strong guidance leaves an estimate: far too large."""
    return 4 * gaussian(x, sigma)  # type: ignore[no-any-return]


def steered(entry: Entry[SteerInfo], seeds: list[int], **given: Any) -> list[Tensor]:
    """The estimates of a steered denoiser on the way down, one for each noise level."""
    info, start = entry.value, batch_noise(seeds).initial()
    offered = {"prompted": gaussian, "guidance_scale": 4.0, "sigmas": LEVELS, "noise_table": TABLE}
    denoise = info.function(guided, **{name: offered[name] for name in info.needs}, **given)
    if not callable(denoise):
        raise PromiseError(f"it gives {type(denoise).__name__} instead of a denoiser")
    estimates = [denoise(start * (1 + sigma**2) ** 0.5, sigma) for sigma in LEVELS[:-1]]
    for estimate in estimates:
        if getattr(estimate, "shape", None) != start.shape:
            got = tuple(estimate.shape) if hasattr(estimate, "shape") else type(estimate).__name__
            raise PromiseError(f"its denoiser gives {got} instead of {tuple(start.shape)}")
        if not bool(estimate.isfinite().all()):
            raise PromiseError("its denoiser gives numbers that are not finite")
    return estimates


def bends(entry: Entry[SteerInfo]) -> str:
    """Finite estimates of the same shape, of estimates four times too large."""
    start = batch_noise([1, 2]).initial()
    plain = [guided(start * (1 + sigma**2) ** 0.5, sigma) for sigma in LEVELS[:-1]]
    pairs = zip(steered(entry, [1, 2]), plain, strict=True)
    changed = sum(not bool((one == before).all()) for one, before in pairs)
    return f"changes the estimate at {changed} of {len(plain)} levels"


def batch_independent(entry: Entry[SteerInfo]) -> str:
    """Image i alone is image i of a batch."""
    seeds = [3, 5, 8]
    together = steered(entry, seeds)
    for place, seed in enumerate(seeds):
        for alone, batch in zip(steered(entry, [seed]), together, strict=True):
            if not float((alone[0] - batch[place]).abs().max()) < 1e-4 * max(1.0, float(batch.abs().max())):
                raise PromiseError("an image is another one in a batch of three: take nothing from the whole batch")
    return ""


def options_at_their_ends(entry: Entry[SteerInfo]) -> str:
    """With each option at each end of what it allows."""
    return at_each_end(entry.value.options, lambda given: steered(entry, [1], **given))


LOOKS: Mapping[str, Look] = {
    "bends": bends,
    "the same in any batch": batch_independent,
    "options at their ends": options_at_their_ends,
}
