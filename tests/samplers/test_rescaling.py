from __future__ import annotations

import torch

from sdtoolbox.samplers.rescaling import rescaled, rescaling


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
    found = rescaling(lambda *_: positive, 0.7)(lambda *_: guided)(x, sigma)
    torch.testing.assert_close(v(found), wanted)


def test_it_rests_where_guidance_rests() -> None:
    def never(*_: object) -> torch.Tensor:
        raise AssertionError("nobody asks for what is not needed")

    guided = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(2))
    steered = rescaling(never, 0.7, active=lambda sigma: sigma > 1)(lambda *_: guided)
    assert torch.equal(steered(guided, 0.5), guided)
