"""The second drawing: its size, its request, its start; and the pictures that come of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdtoolbox.errors import UserError
from sdtoolbox.registered import UpscalerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.tasks.hires import covering, second_request, second_size
from sdtoolbox.tasks.txt2img import run
from tests.fakes import FakeContext, GaussianModel, builtin_registries
from tests.tasks.test_txt2img import draw, pixels, request


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({}, (128, 96)),
        ({"hires_scale": 1.55}, (99, 74)),
        ({"hires_width": 96}, (96, 72)),
        ({"hires_height": 96}, (128, 96)),
        ({"hires_width": 200, "hires_height": 80}, (200, 80)),
    ],
)
def test_the_size_follows_the_scale_or_what_is_given(values: dict[str, Any], size: tuple[int, int]) -> None:
    assert second_size(request(hires=True, **values)) == size


def test_a_size_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(UserError, match="16384x512 pixels") as caught:
        second_size(request(hires=True, width=4096, height=128, hires_scale=4))
    assert caught.value.field == "hires_scale"


def test_what_is_empty_is_as_in_the_first_drawing() -> None:
    first = request(hires=True, sampler="euler_ancestral", sampler_options={"eta": 0.5}, negative_prompt="fog")
    second = second_request(first)
    changed = {name for name, value in second.model_dump().items() if value != getattr(first, name)}
    assert changed == {"width", "height"}


def test_what_is_given_is_taken_and_options_stay_with_their_sampler() -> None:
    own = {
        "hires_steps": 9,
        "hires_sampler": "euler",
        "hires_schedule": "beta",
        "hires_guidance_scale": 1.0,
        "hires_checkpoint": "other",
        "hires_prompt": "a castle",
        "hires_negative_prompt": "rain",
    }
    first = request(
        hires=True, sampler="euler_ancestral", sampler_options={"eta": 0.5}, schedule_options={"rho": 5}, **own
    )
    second = second_request(first)
    assert {f"hires_{name.removeprefix('hires_')}": getattr(second, name.removeprefix("hires_")) for name in own} == own
    assert (second.sampler_options, second.schedule_options) == ({}, {})


@pytest.mark.parametrize(
    ("size", "to", "covers"),
    [
        ((6, 8), (12, 16), (12, 16)),
        ((6, 8), (10, 25), (19, 25)),
        ((6, 8), (25, 10), (25, 34)),
        ((5, 7), (10, 14), (10, 14)),
    ],
)
def test_another_aspect_is_covered(size: tuple[int, int], to: tuple[int, int], covers: tuple[int, int]) -> None:
    assert covering(*size, *to) == covers


def test_both_drawings_in_their_order() -> None:
    (drawn,), ctx, model = draw(hires=True, hires_steps=3, batch_size=1)
    assert drawn.image.size == (128, 96)
    assert drawn.request.hires
    assert [(stage, work) for stage, _, _, work in ctx.stages] == [
        ("encoding", 2),
        ("sampling", 5),
        ("upscaling", 128 * 96),
        ("encoding", 2),
        ("redrawing", 3 * 4),  # four times the pixels
        ("decoding", 128 * 96),
    ]
    assert model.predictions == [2] * 8


def test_batches_read_their_words_once_and_each_is_finished_before_the_next() -> None:
    model = GaussianModel()
    ctx = FakeContext({"gaussian": model})
    pictures = run(request(hires=True, batch_count=2, hires_steps=3), ctx)
    next(pictures)
    assert len(model.predictions) == 8
    assert len(list(pictures)) == 1
    assert [stage for stage, *_ in ctx.stages].count("encoding") == 2


@pytest.mark.parametrize("upscaler", builtin_registries().upscalers.ids())
@pytest.mark.parametrize("values", [{}, {"hires_width": 88, "hires_height": 160}])
def test_every_upscaler_leads_to_a_picture_of_the_size(upscaler: str, values: dict[str, Any]) -> None:
    (drawn,), _, _ = draw(hires=True, hires_upscaler=upscaler, hires_steps=2, **values)
    assert drawn.image.size == second_size(drawn.request)


def test_strength_0_enlarges_only_and_strength_1_forgets_the_first_picture() -> None:
    (first,), _, _ = draw()
    (kept,), _, model = draw(hires=True, hires_strength=0, hires_upscaler="latent_nearest")
    assert model.predictions == [2] * 5
    assert np.array_equal(pixels(kept)[::16, ::16], pixels(first)[::8, ::8])
    (alone,), _, _ = draw(width=128, height=96)
    (new,), _, _ = draw(hires=True, hires_strength=1)
    (half,), _, _ = draw(hires=True, hires_strength=0.5)
    # What is left of the first picture is a fifteenth part of the noise, as strong as its first level is over it.
    assert np.abs(pixels(new) - pixels(alone)).mean() < np.abs(pixels(half) - pixels(alone)).mean() / 3


def test_pictures_of_a_batch_do_not_depend_on_their_neighbours() -> None:
    pair, _, _ = draw(hires=True, batch_size=2, sampler="euler_ancestral")
    alone, _, _ = draw(hires=True, seed=pair[1].seed, sampler="euler_ancestral")
    assert np.abs(pixels(alone[0]) - pixels(pair[1])).max() <= 1


def test_the_second_drawing_may_have_a_model_of_its_own_and_only_one_is_leased() -> None:
    models = {"gaussian": GaussianModel(), "other": GaussianModel()}
    models["other"].environment = {"checkpoint": {"id": "other", "name": "other", "sha256": "1"}}
    ctx = FakeContext(models)
    most: list[int] = []
    ctx.stage = lambda *_, **__: most.append(len(ctx.leased))  # type: ignore[method-assign]
    list(run(request(hires=True, hires_steps=4, hires_checkpoint="other", batch_count=2), ctx))
    assert len(models["gaussian"].predictions) == 10
    assert len(models["other"].predictions) == 8
    assert max(most) <= 1
    assert ctx.leased == []
    assert ctx.environment["checkpoint"]["name"] == "gaussian"
    assert ctx.environment["hires_checkpoint"]["name"] == "other"


@pytest.mark.parametrize(
    ("function", "on"),
    [(lambda latents, *_: latents, "latents"), (lambda *_: None, "latents"), (lambda picture, *_: picture, "pictures")],
)
def test_an_upscaler_that_returns_something_else_is_named(function: Any, on: Any) -> None:
    ctx = FakeContext({"gaussian": GaussianModel()})
    ctx.registries.upscalers.add(Entry("foreign", "Foreign", "somebody", UpscalerInfo(function, on)))
    with pytest.raises(UserError, match="upscaler Foreign of somebody returned") as caught:
        list(run(request(hires=True, hires_upscaler="foreign"), ctx))
    assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "hires_upscaler")


def test_latents_of_another_aspect_keep_their_middle() -> None:
    from sdtoolbox.tasks.diffusion import Batch
    from sdtoolbox.tasks.hires import enlarged

    latents = torch.arange(48.0).reshape(1, 1, 6, 8).expand(1, 4, 6, 8)
    asked = request(hires=True, hires_width=64, hires_height=96, hires_upscaler="latent_nearest")
    model: Any = GaussianModel()
    ctx = FakeContext({})
    large = enlarged(latents, Batch(asked, 0, 1), ctx, drawn_by=model, for_model=model)
    assert torch.equal(large[0, 0], latents[0, 0].repeat_interleave(2, 0).repeat_interleave(2, 1)[:, 4:12])


def test_drawings_that_differ_in_the_second_pass_alone_share_the_first() -> None:
    model = GaussianModel()
    ctx = FakeContext({"gaussian": model})
    (once,) = run(request(hires=True, hires_steps=3, batch_count=1), ctx)
    assert len(model.predictions) == 8
    (again,) = run(request(hires=True, hires_steps=2, hires_scale=1.5, batch_count=1), ctx)
    assert len(model.predictions) == 10
    (other,) = run(request(hires=True, hires_steps=2, hires_scale=1.5, seed=99, batch_count=1), ctx)
    assert len(model.predictions) == 17
    fresh = FakeContext({"gaussian": GaussianModel()})
    (alone,) = run(request(hires=True, hires_steps=2, hires_scale=1.5, batch_count=1), fresh)
    assert alone.image.tobytes() == again.image.tobytes() != other.image.tobytes()
    assert once.image.size != again.image.size
