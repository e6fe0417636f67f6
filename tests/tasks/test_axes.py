"""What each kind of axis makes of a request."""

from __future__ import annotations

from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.schema.plots import Axis
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.axes import choices_of, matrix_choices, split_options

PROMPT = "a red house [day:night:0.5] | by the sea | in the snow"


def applied(field: str, values: Any, **request: Any) -> list[tuple[str, dict[str, Any]]]:
    """(legend, what is changed) of each value."""
    base = Txt2Img.parse({"prompt": PROMPT, "negative_prompt": "red fog"} | request)
    before = base.model_dump()
    found = []
    for choice in choices_of(Axis(field=field, values=values), "x", base):
        after = choice.apply(before)
        found.append((choice.legend, {name: value for name, value in after.items() if before[name] != value}))
    return found


def test_fields_are_found_by_every_name_they_have() -> None:
    for name in ("guidance_scale", "CFG scale", "guidance scale", "Guidance Scale"):
        assert applied(name, "3, 4.5") == [
            ("Guidance scale: 3", {"guidance_scale": 3.0}),
            ("Guidance scale: 4.5", {"guidance_scale": 4.5}),
        ]
    assert applied("model", "a, b")[1] == ("Checkpoint: b", {"checkpoint": "b"})
    assert applied("vae", "none, soft", vae="x")[0] == ("VAE: None", {"vae": None})
    assert applied("sampler_options.eta", "0.5") == [("eta: 0.5", {"sampler_options": {"eta": 0.5}})]


def test_a_seed_of_minus_one_is_drawn_once() -> None:
    ((legend, changes),) = applied("seed", "-1")
    assert changes["seed"] >= 0
    assert str(changes["seed"]) in legend


def test_search_and_replace_works_in_both_prompts() -> None:
    first, second = applied("Prompt S/R", 'red, "dark, blue"')
    assert first == ("red", {})
    assert second[1]["prompt"].startswith("a dark, blue house")
    assert second[1]["negative_prompt"] == "dark, blue fog"


def test_orders_of_words() -> None:
    prompts = [changes.get("prompt", PROMPT) for _, changes in applied("prompt_order", "red, house, sea")]
    assert len(set(prompts)) == 6
    assert "a sea house [day:night:0.5] | by the red | in the snow" in prompts


def test_a_matrix_has_all_combinations_and_leaves_brackets_alone() -> None:
    assert split_options(r"a [b|c] \| d | (e|f) | {g|h}") == [r"a [b|c] \| d", "(e|f)", "{g|h}"]
    found = applied("prompt matrix", "")
    assert [legend for legend, _ in found] == ["–", "by the sea", "in the snow", "by the sea, in the snow"]
    assert found[3][1]["prompt"] == "a red house [day:night:0.5], by the sea, in the snow"
    half = matrix_choices(["by the sea"])[1].apply({"prompt": PROMPT})["prompt"]
    assert half == "a red house [day:night:0.5], by the sea | in the snow"


def test_lists_of_prompts_may_set_other_fields() -> None:
    lines = 'a boat\n\n--prompt "a cat, asleep" --steps 7 --cfg_scale 3.5 --sampler_name "Euler a" --seed -1'
    (_, boat), (_, cat) = applied("prompts", lines)
    assert boat == {"prompt": "a boat"}
    assert {**cat, "seed": 0} == {
        "prompt": "a cat, asleep", "steps": 7, "guidance_scale": 3.5, "sampler": "Euler a", "seed": 0,
    }  # fmt: skip


def test_sizes() -> None:
    assert applied("size", "64x96, 128×64")[1] == ("128×64", {"width": 128, "height": 64})


@pytest.mark.parametrize(
    ("field", "values", "said"),
    [
        ("stepps", "1", "Did you mean steps"),
        ("wordings", "1", "there is no field 'wordings'"),
        ("plot", "1", "there is no field 'plot'"),
        ("sampler_options", "1", "sampler_options.eta"),
        ("steps", "1, x", "wrong at character 4"),
        ("prompt_sr", "dog, cat", "'dog' is in neither prompt"),
        ("prompt_order", "red, dog", "'dog' is not in the prompt"),
        ("prompt_order", "a,r,e,d,h,o,u", "too many"),
        ("size", "64", "write 512x768"),
        ("prompts", "--steps", "no values"),
        ("prompts", '--prompt "a', "quote is not closed"),
        ("prompts", "--wonder 1", "there is no field 'wonder'"),
    ],
)
def test_mistakes_are_said_at_the_plot(field: str, values: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        applied(field, values)
    assert said in str(caught.value)
    assert caught.value.field == "plot"
