"""The kit passes every built-in and names what is wrong with others."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.testing import batch_noise, check_sampler, gaussian, mixture
from sdtoolbox.testing.check import PromiseError, attempt
from sdtoolbox.testing.samplers import LOOKS, order
from tests.fakes import builtin_registries
from tests.samplers.problems import ORDERS

SAMPLERS = {entry.id: entry for entry in builtin_registries().samplers}


def euler(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any, wrong: str = "") -> Any:
    """Euler's method, with one mistake of the test's choice."""
    for i in range(len(sigmas) - 1):
        try:
            denoised = denoise(x, sigmas[i + 1] if wrong == "at zero" else sigmas[i])
        except UserError:
            raise
        except BaseException:
            if wrong != "holds on":
                raise
            denoised = x
        if wrong == "whole batch":
            denoised = denoised - x.mean() * 0.01
        if wrong == "own noise":
            denoised = denoised + torch.randn(x.shape) * 0.1
        if wrong == "not finite":
            denoised = denoised / 0
        step = (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
        if wrong == "in place":
            x += step
        elif wrong != "nothing":
            x = x + step
        if wrong != "silent":
            on_step(i, x, denoised)
    return {"flat": x.flatten(), "double": x.double(), "none": None}.get(wrong, x)


def plain(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any) -> Any:
    """Euler's method without a mistake."""
    return euler(denoise, x, sigmas, noise=noise, on_step=on_step)


def faults(wrong: str) -> dict[str, str]:
    def sampler(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any) -> Any:
        """Help."""
        return euler(denoise, x, sigmas, noise=noise, on_step=on_step, wrong=wrong)

    try:
        check_sampler(sampler)
    except AssertionError as error:
        lines = [line for line in str(error).split("\n") if line.startswith("FAIL")]
        return {line.split(": ")[1]: line for line in lines}
    return {}


@pytest.mark.parametrize(
    ("wrong", "look", "said"),
    [
        ("flat", "draws", "returns (512,) instead of (2, 4, 8, 8)"),
        ("double", "draws", "returns torch.float64 instead of torch.float32"),
        ("none", "draws", "returns NoneType"),
        ("in place", "draws", "it changes x in place"),
        ("at zero", "draws", "asks the network at the level 0.0"),
        ("silent", "draws", "reports the steps []"),
        ("not finite", "draws", "not finite"),
        ("nothing", "comes to the data", "of data with standard deviation 1 it draws some with 14."),
        ("whole batch", "the same in any batch", "take noise from noise(a, b) alone"),
        ("own noise", "the same in any batch", "take noise from noise(a, b) alone"),
        ("holds on", "can be cancelled", "let exceptions of denoise(x, sigma) pass"),
    ],
)
def test_each_mistake_is_named(wrong: str, look: str, said: str) -> None:
    assert said in faults(wrong)[look]


def test_euler_has_none_and_its_order_is_one() -> None:
    assert faults("") == {}
    (found,) = [one for one in check_sampler(plain, label="Plain") if one.name == "order of convergence"]
    assert found.said.startswith("1.0 (errors")


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_built_in_one_passes(name: str) -> None:
    for what, look in LOOKS.items():
        check = attempt(name, what, lambda look=look: look(SAMPLERS[name]))  # type: ignore[misc]
        assert check.passed, str(check)


@pytest.mark.parametrize(
    "name", ["euler", "heun", "heunpp2", "dpm2", "dpmpp_2m", "dpmpp_2s_ancestral", "ddim", "unipc"]
)
def test_the_order_is_that_of_the_literature(name: str) -> None:
    wanted = next(order for one, options, order in ORDERS if one == name)
    assert float(order(SAMPLERS[name]).split(" ")[0]) == pytest.approx(wanted, abs=0.2)


def test_options_are_tried_at_their_ends() -> None:
    def mine(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any, kind: str = "a", size: float = 1.0) -> Any:
        """Help."""
        assert size < 100, "too large"
        return euler(denoise, x, sigmas, noise=noise, on_step=on_step)

    (found,) = [one for one in check_sampler(mine) if one.name == "options at their ends"]
    assert found.said == "0 values of kind, size, and numbers without Limits: size"
    extension = Extension("mine")
    extension.sampler(SAMPLERS["euler_ancestral"].value.function)
    look = LOOKS["options at their ends"]
    assert look(extension.draft[0][1]).startswith("4 values of eta, s_noise")


def test_a_promise_that_is_not_kept_is_no_crash() -> None:
    def look() -> str:
        raise PromiseError("no")

    assert (attempt("a", "b", look).passed, attempt("a", "b", look).details) == (False, "")
    crash = attempt("a", "b", lambda: str(1 / 0))
    assert crash.said == "it raises ZeroDivisionError: division by zero" and "Traceback" in crash.details


def test_noise_is_the_same_for_the_same_seed_in_any_batch() -> None:
    one, two = batch_noise([5]), batch_noise([3, 5])
    assert torch.equal(one.initial()[0], two.initial()[1])
    assert torch.equal(one(2.0, 1.0)[0], two(2.0, 1.0)[1])


def test_a_mixture_of_one_is_a_gaussian_and_a_close_look_finds_the_mode() -> None:
    x = torch.linspace(-3, 3, 7).double()
    torch.testing.assert_close(mixture([0.0], 1.0)(x, 2.0), gaussian(x, 2.0))
    denoise = mixture([-2.0, 2.0], 0.1, [1, 3])
    torch.testing.assert_close(denoise(torch.tensor([1.9]), 0.1), torch.tensor([1.95]))
    assert float(denoise(torch.tensor([0.0]), 1000.0)) == pytest.approx(1.0, abs=1e-3)  # the mean of all data
