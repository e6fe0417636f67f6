"""What a request takes and refuses, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.requests import bounds_of, control_of
from sdtoolbox.schema.txt2img import Txt2Img

NUMBERS = ["width", "height", "steps", "guidance_scale", "seed", "batch_count", "batch_size"]


def problem(**values: Any) -> dict[str, Any]:
    with pytest.raises(InvalidRequest) as caught:
        Txt2Img.parse(values)
    return caught.value.as_dict()["problems"][0]


def test_an_empty_request_is_complete() -> None:
    request = Txt2Img.parse({})
    assert (request.prompt, request.seed, request.batch_count, request.steps) == ("", -1, 1, None)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(
    "value", ["512", "", True, [], {}, float("nan"), float("inf"), -float("inf"), 1e30, 10**30, -7]
)
def test_numbers_are_finite_bounded_numbers(field: str, value: Any) -> None:
    found = problem(**{field: value})
    assert found["field"] == field
    assert found["code"] == "PARAM_INVALID"
    low, high = bounds_of(Txt2Img, field)
    assert str(low) in found["hint"]
    assert str(high) in found["hint"]
    json.dumps(found, allow_nan=False)  # an error travels as JSON: a NaN inside would break the answer


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, "width 0 is out of range."),
        ({"steps": 1.5}, "steps 1.5 is not a whole number."),
        ({"guidance_scale": float("nan")}, "guidance_scale nan is not a finite number."),
        ({"seed": 2**64}, "seed 18446744073709551616 is out of range."),
        ({"seed": True}, "seed True is not a number."),
        ({"prompt": 7}, "prompt 7 is not text."),
        ({"prompt": "a\0"}, r"prompt 'a\x00' holds a NUL character."),
        ({"prompt": "\ud800"}, r"prompt '\ud800' holds half of a surrogate pair."),
        ({"prompt": "x" * 100_001}, "prompt has 100001 characters."),
        ({"sampler": ""}, "sampler has 0 characters."),
        ({"stepz": 3}, "txt2img has no field 'stepz'."),
    ],
)
def test_each_mistake_is_named_with_its_value(values: dict[str, Any], message: str) -> None:
    assert problem(**values)["message"] == message


def test_an_unknown_field_suggests_the_near_one() -> None:
    assert problem(stepz=3)["hint"] == "Did you mean steps?"
    assert "Fields are: prompt" in problem(zzz=3)["hint"]


def test_every_field_at_fault_is_reported() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Txt2Img.parse({"width": 0, "steps": "many", "seed": -2})
    assert [found.field for found in caught.value.problems] == ["width", "steps", "seed"]
    assert len(str(caught.value).splitlines()) == 3


def test_what_forms_send_is_taken() -> None:
    assert Txt2Img.parse({"steps": 20.0, "width": 512.0}).steps == 20
    assert Txt2Img.parse({"guidance_scale": 7}).guidance_scale == 7.0
    assert Txt2Img.parse({"model": "storybook"}).checkpoint == "storybook"


def test_text_is_normalised() -> None:
    assert Txt2Img.parse({"prompt": "cafe\u0301\r\nb"}).prompt == "café\nb"


def test_requests_cannot_change() -> None:
    with pytest.raises(ValidationError):
        Txt2Img.parse({}).steps = 3  # type: ignore[misc]


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_in_words(text: str) -> None:
    try:
        request = Txt2Img.parse({"prompt": text})
    except InvalidRequest as error:
        assert "\0" in text
        json.dumps(error.as_dict()).encode("utf-8")
    else:
        assert Txt2Img.model_validate_json(request.model_dump_json()) == request


def test_every_field_has_a_control_and_a_description() -> None:
    for name, info in Txt2Img.model_fields.items():
        assert control_of(Txt2Img, name).label
        assert info.description
