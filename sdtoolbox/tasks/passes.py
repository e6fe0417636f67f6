"""One way down the noise levels, from pure noise or from latents that are there; what tasks put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdtoolbox.protocols import DiffusionModel, Steer, TaskContext
from sdtoolbox.samplers.steps import step_of
from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.results import Stage
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import Batch, Denoisers, concrete

if TYPE_CHECKING:
    from torch import Tensor

SteersOf = Callable[[Sequence[float]], Sequence[Steer]]


class Pass:
    """A model, the words and the guidance of a request, its sampler and its noise levels; words are read once.

    `strength` is the share of the way that is drawn: 1 begins with noise alone, 0 draws nothing; `exact_steps` as in
    `diffusion.noise_levels`. Another model, `refiner`, takes over after the share `refiner_switch_at` of the steps.
    `step_work` and `stage` are those of `diffusion.sample`.
    """

    def __init__(
        self,
        model: DiffusionModel,
        request: Drawing,
        ctx: TaskContext,
        *,
        strength: float = 1.0,
        exact_steps: bool = True,
        refiner: DiffusionModel | None = None,
        step_work: float = 1.0,
        stage: Stage = "sampling",
    ) -> None:
        self.model, self.request = model, request
        self._ctx = ctx
        self._refiner = refiner
        self.strength, self._exact = strength, exact_steps
        self._step_work, self._stage = step_work, stage
        self._levels: tuple[list[float], Denoisers] | None = None
        self.measured: Sequence[Mapping[str, float]] = ()  # what the sampler reported of each image of the last batch

    @property
    def last_model(self) -> DiffusionModel:
        """The one that made the last steps: it decodes."""
        return self._refiner if self._refiner is not None and self.request.refiner_switch_at < 1 else self.model

    def latents(self, batch: Batch[Any], start: Tensor | None = None, steered_by: SteersOf | None = None) -> Tensor:
        """The latents [B, C, h, w] of a batch whose request is this one's but for seeds and number.

        They begin as noise, or as `start` with noise of the first level over it. `steered_by` gives, for the noise
        levels, what is put around the guided denoiser.
        """
        sigmas, denoisers = self._ready(batch.first)
        for steer in steered_by(sigmas) if steered_by is not None else ():
            denoisers = denoisers._replace(guided=steer(denoisers.guided))
        if not sigmas:
            if start is None:
                raise ValueError("nothing is drawn of nothing: a strength of 0 needs latents to start from")
            return start
        width, height = concrete(self.request.width), concrete(self.request.height)
        noise = self.model.noise(batch.seeds, width, height, batch.variation)
        x = noise.initial() * sigmas[0]
        if start is not None:
            x = x + start
        latents, self.measured = diffusion.sample(
            self.model,
            batch,
            self._ctx,
            denoisers=denoisers,
            sigmas=sigmas,
            noise=noise,
            x=x,
            step_work=self._step_work,
            stage=self._stage,
        )
        return latents

    def _ready(self, first: int) -> tuple[list[float], Denoisers]:
        if self._levels is None:
            sigmas = diffusion.noise_levels(
                self.model, self.request, self._ctx, strength=self.strength, exact=self._exact
            )
            # The refiner's words first: then the model that begins is the one in memory.
            later = None
            if self._refiner is not None and sigmas:
                later = diffusion.guided(self._refiner, self.request, self._ctx, sigmas, first=first)
            denoisers = Denoisers(_never, None)
            if sigmas:
                denoisers = diffusion.guided(self.model, self.request, self._ctx, sigmas, first=first)
            if later is not None:
                denoisers = handed_over(denoisers, later, sigmas, self.request.refiner_switch_at)
            self._levels = sigmas, denoisers
        return self._levels


def handed_over(first: Denoisers, later: Denoisers, sigmas: Sequence[float], switch_at: float) -> Denoisers:
    """`first` until the share `switch_at` of the steps, `later` from then on; both at every level, in any order."""
    step, switch = step_of(sigmas), round(switch_at * (len(sigmas) - 1))

    def guided(x: Tensor, sigma: float) -> Tensor:
        return (first if step(sigma) < switch else later).guided(x, sigma)

    def unconditional(x: Tensor, sigma: float) -> Tensor:
        asked = (first if step(sigma) < switch else later).unconditional
        assert asked is not None, "both have one or neither has"
        return asked(x, sigma)

    return Denoisers(guided, None if first.unconditional is None else unconditional)


def _never(x: Tensor, sigma: float) -> Tensor:
    raise AssertionError("there are no steps")
