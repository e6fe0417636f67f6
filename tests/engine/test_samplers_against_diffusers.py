"""Every sampler against diffusers' scheduler of that name: the same network, start, noise levels and noise."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.diffusion import LatentDiffusion
from tests.fakes import builtin_registries
from tests.samplers.problems import run

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # diffusers, numpy 2
STEPS = 9
TRAINED = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
}
EVEN = {"timestep_spacing": "linspace"}
# Solvers of x = sqrt(alpha) (x0 + sigma eps) see x divided by sqrt(sigma² + 1); the others see x itself.
SCHEDULERS: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "euler": (diffusers.EulerDiscreteScheduler, EVEN, False),
    "euler_ancestral": (diffusers.EulerAncestralDiscreteScheduler, EVEN, False),
    "heun": (diffusers.HeunDiscreteScheduler, EVEN, False),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, EVEN, True),
    "dpmpp_2m_sde": (diffusers.DPMSolverMultistepScheduler, EVEN | {"algorithm_type": "sde-dpmsolver++"}, True),
    # Compared without noise: the weights of diffusers' own third order with noise are not those of the paper.
    "dpmpp_3m_sde": (
        diffusers.DPMSolverMultistepScheduler,
        EVEN | {"solver_order": 3, "lower_order_final": False, "solver_type": "heun"},
        True,
    ),
    "dpm2": (diffusers.KDPM2DiscreteScheduler, EVEN, False),
    "dpm2_ancestral": (diffusers.KDPM2AncestralDiscreteScheduler, EVEN, False),
    "deis": (diffusers.DEISMultistepScheduler, EVEN | {"solver_order": 3, "lower_order_final": False}, True),
    "plms": (diffusers.PNDMScheduler, {"skip_prk_steps": True, "set_alpha_to_one": True}, True),
    "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False}, True),
    "tcd": (diffusers.TCDScheduler, {"clip_sample": False, "set_alpha_to_one": True}, True),
    "unipc": (diffusers.UniPCMultistepScheduler, EVEN | {"final_sigmas_type": "zero"}, True),
    "ddim": (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}, True),
    "lcm": (diffusers.LCMScheduler, {"clip_sample": False, "set_alpha_to_one": True}, True),
}
OPTIONS: dict[str, dict[str, Any]] = {"dpmpp_3m_sde": {"eta": 0.0}}
# To sigma = 0 ours take the estimate; these of diffusers extrapolate once more, or stop at the lowest trained level.
WITHOUT_THE_LAST_STEP = {"deis", "plms", "tcd"}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_agrees_with_diffusers(name: str, model: LatentDiffusion) -> None:
    found = difference(name, model)
    if found is None:
        pytest.skip("diffusers' scheduler does not know zero terminal signal")
    assert found < 1e-4


def test_the_other_solver_type_agrees_too(model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    heun = EVEN | {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"}
    monkeypatch.setitem(SCHEDULERS, "dpmpp_2m_sde", (diffusers.DPMSolverMultistepScheduler, heun, True))
    monkeypatch.setitem(OPTIONS, "dpmpp_2m_sde", {"solver_type": "heun"})
    found = difference("dpmpp_2m_sde", model)
    assert found is not None
    assert found < 1e-4


def difference(name: str, model: LatentDiffusion) -> float | None:
    """The largest difference from diffusers' result, in its standard deviations; None if that cannot run the model."""
    make, options, preserving = SCHEDULERS[name]
    prediction = "v_prediction" if model.checkpoint.name == "tiny-v" else "epsilon"
    if prediction == "v_prediction":
        if "rescale_betas_zero_snr" not in inspect.signature(make).parameters:
            return None
        options = options | {"rescale_betas_zero_snr": True}
    scheduler = make(**TRAINED, **options, prediction_type=prediction)
    scheduler.set_timesteps(STEPS)
    sigmas = _ladder(scheduler, model)
    x = model.noise([5], 64, 64).initial() * sigmas[0]
    last = 1 if name in WITHOUT_THE_LAST_STEP else 0
    theirs = _theirs(scheduler, model, x / math.sqrt(sigmas[0] ** 2 + 1) if preserving else x, last)
    if last:
        sigmas = sigmas[:-1]
        theirs *= math.sqrt(sigmas[-1] ** 2 + 1)
    ours = _ours(name, model, x, sigmas)
    return float((ours - theirs).abs().max() / theirs.std())


def _ladder(scheduler: Any, model: LatentDiffusion) -> list[float]:
    if hasattr(scheduler, "sigmas"):
        return list(dict.fromkeys(float(sigma) for sigma in scheduler.sigmas))  # Heun has each twice
    times = dict.fromkeys(float(t) for t in scheduler.timesteps)  # PLMS has its second twice
    return [*(model.noise_table.sigma(t) for t in times), 0.0]


def _ours(name: str, model: LatentDiffusion, x: Tensor, sigmas: list[float]) -> Tensor:
    condition = model.encode("a red house")
    generator = torch.Generator().manual_seed(7)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return model.predict(x, sigma, [condition])[0]

    def noise(a: float, b: float) -> Tensor:
        return torch.randn(x.shape, generator=generator)

    sampler: Callable[..., Tensor] = builtin_registries().samplers.get(name).value.function
    return run(sampler, x, sigmas, denoise, noise=noise, noise_table=model.noise_table, **OPTIONS.get(name, {}))


@torch.no_grad()
def _theirs(scheduler: Any, model: LatentDiffusion, x: Tensor, without: int) -> Tensor:
    context = model._text.context([model.encode("a red house")], 1)
    generator = torch.Generator().manual_seed(7)
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    for t in scheduler.timesteps[: len(scheduler.timesteps) - without]:
        output = model._unet(scheduler.scale_model_input(x, t), t, context, return_dict=False)[0]
        step = scheduler.step(output, t, x, return_dict=False, **({"generator": generator} if takes_generator else {}))
        x = step[0]
    return x
