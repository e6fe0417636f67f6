"""Dynamic thresholding: what it cuts off, what it leaves, image by image; in numbers that can be done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdtoolbox.images.opening import open_picture
from sdtoolbox.testing import fake_toolbox
from tests.extensions.shipped import registered, shipped

MODULE = shipped("dynamic_thresholding")
USUAL = torch.linspace(-1, 1, 101).reshape(1, 1, 1, 101)  # the prompt alone


def steered(guided: Tensor, usual: Tensor, **options: Any) -> Tensor:
    given = {"guidance_scale": 11.0, "prompted": lambda x, sigma: usual} | options
    found: Tensor = MODULE.dynamic_thresholding(lambda x, sigma: guided, **given)(guided, 1.0)
    return found


def test_it_registers_with_what_it_needs_and_its_bounds() -> None:
    (entry,) = registered(MODULE).steers
    assert (entry.id, entry.label) == ("dynamic_thresholding", "Dynamic thresholding")
    assert entry.value.needs == ("prompted", "guidance_scale")
    assert {name: (one.default, one.minimum, one.maximum) for name, one in entry.value.options.items()} == {
        "mimic_scale": (7.0, 1, 100),
        "percentile": (0.995, 0.5, 1),
    }


def test_the_range_becomes_that_of_the_guidance_which_is_mimicked() -> None:
    # Guidance that goes out from the prompt's own estimate: guided = (1 + 10 k) usual, and at scale 3 (1 + 2 k) usual.
    found = steered(USUAL * 5, USUAL, mimic_scale=3, percentile=1.0)
    assert torch.allclose(found, USUAL * 1.8, atol=1e-5)
    # At the percentile 0.9 s is 4.5 of 5: what lies beyond is cut off, the rest fills the range.
    cut = steered(USUAL * 5, USUAL, mimic_scale=3, percentile=0.9)
    assert torch.allclose(cut, (USUAL * 5).clamp(-4.5, 4.5) * 1.8 / 4.5, atol=1e-5)


def test_means_stay_and_channels_have_ranges_of_their_own() -> None:
    guided = torch.cat([USUAL * 5 + 2, USUAL * 1.0], dim=1)
    found = steered(guided, torch.cat([USUAL + 1, USUAL], dim=1), mimic_scale=3)
    assert torch.allclose(found.mean(-1), guided.mean(-1), atol=1e-5)
    assert float(found[:, 0].max() - 2) == pytest.approx(1.8, rel=1e-4)
    assert torch.allclose(found[:, 1], guided[:, 1], atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.5, 6.9, 7.0])
def test_guidance_that_is_no_stronger_is_left_alone_and_costs_nothing(scale: float) -> None:
    def never(x: Tensor, sigma: float) -> Tensor:
        raise AssertionError("asked for nothing")

    guided = USUAL * 5
    assert steered(guided, USUAL, guidance_scale=scale, prompted=never) is guided


def test_where_guidance_rests_nothing_is_cut_off() -> None:
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(steered(noise, noise), noise, atol=1e-6)


def test_a_flat_channel_stays_flat() -> None:
    flat = torch.full((1, 4, 8, 8), 3.0)
    assert torch.equal(steered(flat, flat * 0), flat)


def test_an_image_is_the_same_in_any_batch() -> None:
    generator = torch.Generator().manual_seed(2)
    guided, usual = (torch.randn(3, 4, 8, 8, generator=generator) * width for width in (9, 1))
    together = steered(guided, usual, percentile=0.9)
    for i in range(3):
        assert torch.equal(steered(guided[i : i + 1], usual[i : i + 1], percentile=0.9), together[i : i + 1])


def stretched(denoise: Any) -> Any:
    """As guidance of a real network would: away from the mean, which the fake one's moves alone."""
    return lambda x, sigma: denoise(x, sigma) * 3


def test_a_picture_of_strong_guidance_has_less_contrast_with_it() -> None:
    def spread(steers: str, **values: Any) -> float:
        result = toolbox.run("txt2img", prompt="a house", seed=4, steers=steers, **values)
        return float(np.asarray(open_picture(toolbox.picture_path(result.pictures[0].id))).std())

    with fake_toolbox(MODULE.register, lambda ext: ext.steer(stretched)) as toolbox:
        strong = spread("stretched", guidance_scale=15)
        assert spread("stretched; Dynamic thresholding: mimic_scale=1.5", guidance_scale=15) < strong - 10
        assert spread("stretched; Dynamic thresholding", guidance_scale=5) == spread("stretched", guidance_scale=5)
