from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from sdtoolbox.samplers.guidance import Remembering, between, classifier_free, rescaled


def predict(x: float, sigma: float, conditions: Sequence[float]) -> list[float]:
    calls.append(len(conditions))
    return [x + condition for condition in conditions]


calls: list[int] = []


@pytest.mark.parametrize(("scale", "expected"), [(0, 2.0), (1, 11.0), (7, 65.0)])
def test_from_the_unconditional_estimate_towards_the_conditional_one(scale: float, expected: float) -> None:
    assert classifier_free(10.0, 1.0, scale)(predict)(1.0, 5.0) == expected  # type: ignore[arg-type]


def test_one_network_call_with_both_conditions_and_with_one_where_guidance_is_1() -> None:
    calls.clear()
    classifier_free(10.0, 1.0, 7)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    classifier_free(10.0, None, 1)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    assert calls == [2, 1]


def test_a_second_denoiser_is_served_from_the_same_network_call() -> None:
    calls.clear()
    remembering = Remembering(predict)  # type: ignore[arg-type]
    guided, alone = classifier_free(10.0, 1.0, 7)(remembering), remembering.alone(1.0)
    assert guided(1.0, 5.0) == 65.0  # type: ignore[arg-type]
    x = 1.0
    guided(x, 5.0)  # type: ignore[arg-type]
    assert (alone(x, 5.0), calls) == (2.0, [2, 2])  # type: ignore[arg-type]
    assert (alone(x, 4.0), calls) == (2.0, [2, 2, 1])  # type: ignore[arg-type]


def test_a_second_denoiser_asks_itself_where_guidance_left_its_condition_out() -> None:
    calls.clear()
    remembering = Remembering(predict)  # type: ignore[arg-type]
    x = 3.0
    classifier_free(10.0, None, 1)(remembering)(x, 5.0)  # type: ignore[arg-type]
    assert (remembering.alone(1.0)(x, 5.0), calls) == (4.0, [1, 1])  # type: ignore[arg-type]


def test_one_condition_after_the_other_gives_the_same() -> None:
    calls.clear()
    found = classifier_free(10.0, 1.0, 7, at_once=False)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    assert (found, calls) == (65.0, [1, 1])  # type: ignore[comparison-overlap]


def test_guidance_within_an_interval_of_the_steps() -> None:
    active = between([10.0, 8.0, 5.0, 2.0, 0.0], 0.25, 0.75)
    assert [active(sigma) for sigma in (10.0, 8.0, 5.0, 2.0)] == [False, True, True, False]
    whole = between([10.0, 8.0, 0.0], 0.0, 1.0)
    assert whole(14.0)
    assert whole(0.001)
    calls.clear()
    denoise = classifier_free(10.0, 1.0, 7, active=active)(predict)  # type: ignore[arg-type]
    assert [denoise(1.0, sigma) for sigma in (10.0, 5.0, 1.0)] == [11.0, 65.0, 11.0]  # type: ignore[arg-type,comparison-overlap]
    assert calls == [1, 2, 1]


def test_rescaled_has_the_contrast_of_the_conditional_estimate_image_by_image() -> None:
    generator = torch.Generator().manual_seed(0)
    x, positive, negative = (torch.randn(2, 4, 8, 8, generator=generator) for _ in range(3))
    guided = negative + (positive - negative) * 12
    found = rescaled(guided, positive, x, 2.0)

    def v(denoised: torch.Tensor) -> torch.Tensor:
        return (x / 5 - denoised) * 5**0.5 / 2

    torch.testing.assert_close(v(found).std(dim=(1, 2, 3)), v(positive).std(dim=(1, 2, 3)))
    torch.testing.assert_close(v(found) / v(found).std(), v(guided) / v(guided).std(), rtol=0.2, atol=0.2)
    alone = rescaled(guided[1:], positive[1:], x[1:], 2.0)
    torch.testing.assert_close(found[1:], alone)


def test_rescaling_agrees_with_diffusers() -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    generator = torch.Generator().manual_seed(1)
    x, positive, negative = (torch.randn(2, 4, 8, 8, generator=generator) for _ in range(3))
    sigma = 1.7
    guided = negative + (positive - negative) * 6

    def v(denoised: torch.Tensor) -> torch.Tensor:
        return (x / (sigma**2 + 1) - denoised) * (sigma**2 + 1) ** 0.5 / sigma

    wanted = rescale_noise_cfg(v(guided), v(positive), guidance_rescale=0.7)
    answers = iter([[positive, negative]])
    found = classifier_free(0, 1, 6, rescale=0.7)(lambda *_: next(answers))(x, sigma)
    torch.testing.assert_close(v(found), wanted)
