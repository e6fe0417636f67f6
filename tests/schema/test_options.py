"""What a signature says of its options, and what a value of one may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.options import Limits, Option, options_from, options_of, written
from sdtoolbox.schema.txt2img import Txt2Img
from tests.fakes import builtin_registries


def sampler(
    x: NotThere,  # type: ignore[name-defined]  # noqa: F821
    eta: Annotated[float, Limits(0, 1, "Eta")] = 1.0,
    order: Annotated[int, Limits(1, 4)] = 2,
    kind: Literal["a", "b"] = "a",
    free: float = 3.0,
    odd: Annotated[NotThere, 1] = 0.5,  # type: ignore[name-defined]  # noqa: F821
    yes: bool = False,
) -> None: ...


OPTIONS = options_of(sampler, ("x",))


def test_bounds_choices_and_keys_come_from_the_signature() -> None:
    assert list(OPTIONS) == ["eta", "order", "kind", "free", "odd", "yes"]
    assert OPTIONS["eta"] == Option("eta", 1.0, 0, 1, parameters_key="Eta")
    assert OPTIONS["kind"] == Option("kind", "a", choices=("a", "b"))
    assert OPTIONS["free"] == Option("free", 3.0)
    assert OPTIONS["odd"] == Option("odd", 0.5)  # its annotation names what is not there


def test_every_option_of_the_built_in_ones_is_bounded_by_its_signature() -> None:
    registries = builtin_registries()
    for entry in (*registries.samplers, *registries.schedules):
        for option in entry.value.options.values():
            assert option.choices or -1 < option.minimum < option.maximum <= 10_000, (entry.id, option)
            assert option.checked(option.default) == option.default


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("eta", 0, 0.0),
        ("eta", 0.25, 0.25),
        ("order", 3.0, 3),
        ("kind", "b", "b"),
        ("yes", "True", True),
        ("yes", False, False),
    ],
)
def test_a_value_is_kept_in_the_options_own_type(name: str, value: Any, kept: Any) -> None:
    found = OPTIONS[name].checked(value)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("eta", 1.5, "a number from 0 to 1."),
        ("eta", "1", "a number from 0 to 1."),
        ("eta", True, "a number from 0 to 1."),
        ("order", 2.5, "a whole number from 1 to 4."),
        ("kind", "c", "a or b."),
        ("free", 1e9, "from -1e.06 to 1e.06."),
        ("yes", 1, "true or false."),
    ],
)
def test_what_is_not_allowed_is_said(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        OPTIONS[name].checked(value)


@pytest.mark.parametrize("default", [None, float("inf"), (1, 2)])
def test_a_default_must_be_plain(default: Any) -> None:
    def strange(x: Any, option: Any = default) -> None: ...

    with pytest.raises(TypeError, match="option option of strange"):
        options_of(strange, ("x",))


@pytest.mark.parametrize(
    "given",
    [
        {"eta": 0.5, "kind": "b", "yes": True},
        "eta=0.5, kind=b; yes=true",
        ["eta=0.5", "kind=b,yes=True"],
        [{"eta": 0.5}, "kind=b", "yes=TRUE"],
    ],
)
def test_doors_may_send_an_object_or_short_forms(given: Any) -> None:
    expected = {"eta": 0.5, "kind": "b", "yes": True}
    assert options_from(given) == expected
    assert options_from(written(expected)) == expected
    assert Txt2Img.parse({"sampler_options": given}).sampler_options == expected


@pytest.mark.parametrize("given", [7, {"eta": [1]}, {"eta": float("nan")}, {"": 1}, "=3", {"eta": None}, [3]])
def test_anything_else_is_refused_at_its_field(given: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Txt2Img.parse({"sampler_options": given})
    assert [problem.field for problem in caught.value.problems] == ["sampler_options"]
