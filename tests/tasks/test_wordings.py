"""What pictures say: decided by their seeds when the job is queued, the same ever after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.resolve import resolve
from sdtoolbox.tasks.txt2img import run
from tests.fakes import FakeContext, GaussianModel, builtin_registries
from tests.models.files import lora, write
from tests.workers.fake_engine import write_checkpoint

REGISTRIES = builtin_registries()


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    write_checkpoint(tmp_path)
    for name in ("ink", "oil"):
        write(tmp_path / f"{name}.safetensors", lora())
    return Catalog([tmp_path])


@pytest.fixture
def wildcards(tmp_path: Path) -> Wildcards:
    folder = tmp_path / "wildcards"
    (folder / "animals").mkdir(parents=True)
    (folder / "colour.txt").write_text("red\nblue\n# not a colour\n\ngreen {dark|light}\n")
    (folder / "animals" / "birds.txt").write_text("__colour__ raven\n")
    (folder / "circle.txt").write_text("round __circle__\n")
    return Wildcards(folder)


@pytest.fixture
def resolved(catalog: Catalog, wildcards: Wildcards) -> Callable[..., Txt2Img]:
    def settle(**values: Any) -> Txt2Img:
        once = resolve(Txt2Img.parse(values), REGISTRIES, catalog, wildcards=wildcards)
        assert resolve(once, REGISTRIES, catalog, wildcards=wildcards) == once
        return once

    return settle


def said(request: Txt2Img) -> list[str]:
    return [batch.request.prompt for batch in diffusion.batches(request)]


def test_one_picture_says_what_its_seed_decides(resolved: Callable[..., Txt2Img]) -> None:
    found = {resolved(prompt="a {red|blue} house\n# note", seed=seed).prompt for seed in range(20)}
    assert found == {"a red house", "a blue house"} or found == {"a red house\n", "a blue house\n"}
    assert resolved(prompt="a {red|blue} house", seed=3) == resolved(prompt="a {red|blue} house", seed=3)
    assert resolved(prompt="a {red|blue} house", seed=3).wordings == ()


def test_every_picture_of_a_job_decides_by_its_own_seed(resolved: Callable[..., Txt2Img]) -> None:
    job = resolved(prompt="__colour__", negative_prompt="{x|y}", batch_count=3, batch_size=4, seed=5)
    assert len(job.wordings) == 12
    alone = [resolved(prompt="__colour__", negative_prompt="{x|y}", seed=5 + i) for i in range(12)]
    assert [one.prompts["prompt"] for one in job.wordings] == [one.prompt for one in alone]
    assert [one.prompts["negative_prompt"] for one in job.wordings] == [one.negative_prompt for one in alone]
    assert job.prompt == "__colour__", "the job keeps what was typed"


def test_pictures_carry_their_own_words_and_draw_again(resolved: Callable[..., Txt2Img]) -> None:
    job = resolved(prompt="{a|bbbbb} <lora:ink:0.5>", batch_count=2, batch_size=4, seed=1, steps=2, width=16, height=16)
    ctx = FakeContext({job.checkpoint: GaussianModel()})
    drawn = list(run(job, ctx))
    assert [one.seed for one in drawn] == list(range(1, 9))
    assert [one.request.prompt for one in drawn] == [one.prompts["prompt"] for one in job.wordings]
    assert {one.request.wordings for one in drawn} == {()}
    assert {one.request.adapters[0].weight for one in drawn} == {0.5}
    last = drawn[-1]
    again = list(run(resolved(**last.request.model_dump()), ctx))
    assert again[last.index].image.tobytes() == last.image.tobytes()
    assert {stage[0] for stage in ctx.stages} == {"encoding", "sampling", "decoding"}


def test_each_wording_may_name_other_adapters(resolved: Callable[..., Txt2Img], catalog: Catalog) -> None:
    job = resolved(prompt="{<lora:ink:1>|<lora:oil:1>} a", batch_count=8, seed=1)
    names = {catalog.get(one.adapters[0].adapter).name: one.prompts["prompt"] for one in job.wordings}
    assert names == {"ink": " a", "oil": " a"} or names == {"ink": "a", "oil": "a"}
    assert job.adapters == ()


def test_all_combinations_are_drawn_each_as_often_as_asked_for(resolved: Callable[..., Txt2Img]) -> None:
    job = resolved(prompt="{a|b} {2$$x|y|z}", combinatorial=True, seed=1)
    assert job.batch_count == 6
    assert said(job) == ["a x, y", "a x, z", "a y, z", "b x, y", "b x, z", "b y, z"]
    more = resolved(prompt="{a|b}", negative_prompt="{c|d}", combinatorial=True, batch_count=2, batch_size=3, seed=1)
    assert more.batch_count * more.batch_size == 4 * 6
    assert [batch.request.batch_size for batch in diffusion.batches(more)] == [3] * 8
    assert {(b.request.prompt, b.request.negative_prompt) for b in diffusion.batches(more)} == {
        (p, n) for p in "ab" for n in "cd"
    }


def test_too_many_combinations_are_an_error(resolved: Callable[..., Txt2Img]) -> None:
    with pytest.raises(UserError, match="more than 50 combinations") as caught:
        resolved(prompt="{a|b|c|d}" * 30, combinatorial=True, batch_count=2)
    assert caught.value.field == "combinatorial"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a __color__", "there is no wildcard __color__. There are: animals/birds, circle, colour."),
        ("__circle__", "in a circle: __circle__ → __circle__"),
        ("(a:1000)", "the weight of 'a' is 1e+03"),
        ("{<lora:none:1>|<lora:none:1>}", "no LoRA"),
    ],
)
def test_refusals_say_what_there_is(resolved: Callable[..., Txt2Img], prompt: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        resolved(prompt=prompt)
    assert words.casefold() in str(caught.value).casefold()
    assert caught.value.field == "prompt"


def test_wordings_are_one_a_picture(resolved: Callable[..., Txt2Img]) -> None:
    with pytest.raises(UserError, match="1 wordings for 2 pictures"):
        resolved(wordings=[{"prompts": {"prompt": "a"}}], batch_count=2)


def test_what_was_typed_without_syntax_is_left_as_it_is(resolved: Callable[..., Txt2Img]) -> None:
    for prompt in ("a } b {", "snake_case__x", "#1 house", "a #1 house", r"\{a|b\}", "[a|b]"):
        assert resolved(prompt=prompt, batch_count=2).prompt == ("" if prompt.startswith("#") else prompt)
