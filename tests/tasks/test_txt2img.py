from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from sdtoolbox.errors import Cancelled, UserError
from sdtoolbox.prompts.plan import spoken
from sdtoolbox.protocols import Drawn
from sdtoolbox.registry import Entry
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.txt2img import run
from tests.fakes import FakeContext, GaussianModel, builtin_registries


def request(**values: Any) -> Txt2Img:
    """A resolved request for the fake model, with these values."""
    resolved = {
        "checkpoint": "gaussian",
        "width": 64,
        "height": 48,
        "steps": 5,
        "sampler": "euler",
        "schedule": "karras",
        "guidance_scale": 5.0,
        "seed": 10,
        "prompt": "a house",
    }
    return Txt2Img.parse(resolved | values)


def draw(model: GaussianModel | None = None, **values: Any) -> tuple[list[Drawn], FakeContext, GaussianModel]:
    model = model or GaussianModel()
    ctx = FakeContext({"gaussian": model})
    return list(run(request(**values), ctx)), ctx, model


def pixels(drawn: Drawn) -> np.ndarray:
    return np.asarray(drawn.image, dtype=np.int16)


def test_a_picture_of_the_size_that_was_asked_for() -> None:
    (drawn,), ctx, _ = draw(width=57, height=41)
    assert drawn.image.size == (57, 41)
    assert drawn.image.mode == "RGB"
    assert (drawn.seed, drawn.index) == (10, 0)
    assert ctx.environment["device"] == "cpu"
    assert ctx.leased == []


def test_every_picture_has_its_seed_and_the_request_of_its_batch() -> None:
    drawn, _, _ = draw(batch_count=2, batch_size=3)
    assert [one.seed for one in drawn] == [10, 11, 12, 13, 14, 15]
    assert [one.index for one in drawn] == [0, 1, 2, 0, 1, 2]
    assert [one.request.seed for one in drawn] == [10, 10, 10, 13, 13, 13]
    assert {one.request.batch_count for one in drawn} == {1}
    assert {one.request.batch_size for one in drawn} == {3}


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde"])
def test_the_request_of_a_batch_draws_it_again(sampler: str) -> None:
    drawn, _, _ = draw(batch_count=2, batch_size=3, sampler=sampler)
    again, _, _ = draw(**drawn[4].request.model_dump())
    assert np.array_equal(pixels(again[drawn[4].index]), pixels(drawn[4]))
    alone, _, _ = draw(seed=drawn[4].seed, sampler=sampler)
    assert np.abs(pixels(alone[0]) - pixels(drawn[4])).max() <= 1
    assert np.abs(pixels(drawn[3]) - pixels(drawn[4])).max() > 50


@pytest.mark.parametrize("sampler", builtin_registries().samplers.ids())
def test_every_sampler_draws_a_picture_that_does_not_depend_on_its_neighbours(sampler: str) -> None:
    pair, ctx, _ = draw(batch_size=2, sampler=sampler, steps=6)
    alone, _, _ = draw(seed=pair[1].seed, sampler=sampler, steps=6)
    assert np.abs(pixels(alone[0]) - pixels(pair[1])).max() <= 1
    assert np.abs(pixels(pair[0]) - pixels(pair[1])).max() > 50
    sampling = [done for done, step, _ in ctx.steps if step is not None]
    assert sampling == sorted(sampling)
    assert sampling[-1] == pytest.approx(1)


def test_cfgpp_is_served_from_the_same_network_call_and_reads_the_negative_prompt_at_any_scale() -> None:
    _, _, model = draw(sampler="ddim_cfgpp", guidance_scale=0.5)
    assert model.predictions == [2] * 5
    _, _, model = draw(sampler="ddim_cfgpp", guidance_scale=1)
    assert model.predictions == [1] * 10


def test_prompts_are_encoded_once_a_job_and_guidance_is_one_call() -> None:
    _, ctx, model = draw(batch_count=2)
    assert model.predictions == [2] * 10
    assert [stage for stage, *_ in ctx.stages].count("encoding") == 1
    _, _, model = draw(guidance_scale=1)
    assert model.predictions == [1] * 5


def test_the_negative_prompt_is_not_read_where_guidance_is_1() -> None:
    model = GaussianModel()
    read: list[str] = []
    model.encode = lambda words, **_: read.append(spoken(words)) or 0.0  # type: ignore[assignment,func-returns-value]
    draw(model, guidance_scale=1, negative_prompt="fog")
    draw(model, guidance_scale=2, negative_prompt="fog")
    assert read == ["a house", "a house", "fog"]


def test_stages_in_order_with_their_work_and_their_picture() -> None:
    _, ctx, _ = draw(batch_count=2, batch_size=2)
    assert ctx.stages == [
        ("encoding", 0, 4, 2),
        ("sampling", 0, 4, 5),
        ("decoding", 0, 4, 64 * 48 * 2),
        ("sampling", 2, 4, 5),
        ("decoding", 2, 4, 64 * 48 * 2),
    ]


def test_progress_rises_to_one_and_counts_steps() -> None:
    _, ctx, _ = draw(steps=6, sampler="heun")
    sampling = [step for step in ctx.steps if step[2] is not None]
    assert [step for _, step, _ in sampling] == [1, 2, 3, 4, 5, 6]
    assert all(a < b for a, b in itertools.pairwise(done for done, _, _ in sampling))
    assert sampling[-1][0] == pytest.approx(1)
    assert len(ctx.previews) == 6


def test_cancelling_takes_effect_within_a_network_call_and_gives_the_model_back() -> None:
    model = GaussianModel()
    ctx = FakeContext({"gaussian": model}, cancel_after=3)
    with pytest.raises(Cancelled):
        list(run(request(), ctx))
    assert len(model.predictions) == 3
    assert ctx.leased == []


def test_finished_pictures_come_before_the_next_batch_is_drawn() -> None:
    model = GaussianModel()
    pictures = run(request(batch_count=3), FakeContext({"gaussian": model}))
    next(pictures)
    assert len(model.predictions) == 5


def with_sampler(function: Any) -> FakeContext:
    from sdtoolbox.registered import SamplerInfo

    ctx = FakeContext({"gaussian": GaussianModel()})
    ctx.registries.samplers.add(Entry("foreign", "Foreign", "somebody", SamplerInfo(function)))
    return ctx


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        (lambda denoise, x, sigmas, **_: x[:, :, :1], "EXTENSION_FAILED", "returned torch.Size"),
        (lambda denoise, x, sigmas, **_: None, "EXTENSION_FAILED", "returned NoneType"),
        (lambda denoise, x, sigmas, **_: x / 0, "NUMERIC", "not finite"),
        (lambda denoise, x, sigmas, **_: x * 0 + 1, "NUMERIC", "flat colour"),
    ],
)
def test_a_wrong_result_of_a_sampler_is_an_error_and_no_picture(function: Any, code: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        list(run(request(sampler="foreign"), with_sampler(function)))
    assert caught.value.code == code
    if "flat" not in words:
        assert "Foreign of somebody" in caught.value.message


@pytest.mark.parametrize(
    "sigmas", [[], [0.0], [5.0, 1.0], [5.0, 6.0, 0.0], [5.0, float("nan"), 0.0], [float("inf"), 0.0]]
)
def test_a_wrong_schedule_is_an_error_that_names_it(sigmas: list[float]) -> None:
    from sdtoolbox.registered import ScheduleInfo

    ctx = FakeContext({"gaussian": GaussianModel()})
    ctx.registries.schedules.add(Entry("foreign", "Foreign", "somebody", ScheduleInfo(lambda steps, table: sigmas)))
    with pytest.raises(UserError, match="schedule Foreign of somebody") as caught:
        list(run(request(schedule="foreign"), ctx))
    assert caught.value.field == "schedule"


def test_a_request_that_was_never_resolved_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="resolve"):
        list(run(Txt2Img(prompt="a house"), FakeContext({})))
