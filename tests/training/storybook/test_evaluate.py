from pathlib import Path

import pytest
from PIL import Image

from sdtoolbox.training.storybook.attributes import ATTRIBUTES
from sdtoolbox.training.storybook.evaluate import Share, contact_sheet, count, judge, wilson, write_results
from sdtoolbox.training.storybook.evaluation import Entry, StatedItem

HOUSE: StatedItem = {"kind": "house", "color": "red", "size": "big", "place": "left"}
CAT: StatedItem = {"kind": "cat", "color": "blue", "size": None, "place": None}


def entry(relation: str | None = None, style: str | None = None) -> Entry:
    return {
        "sentence": "a big red house …",
        "scene": {
            "items": [HOUSE, CAT] if relation else [HOUSE],
            "ground": "meadow",
            "time": "day",
            "style": style,
            "weather": None,
            "mountains": None,
            "relation": relation,
        },
    }


def seen(**found: str) -> dict[str, str]:
    empty = {name: values[-1] for name, values in ATTRIBUTES.items()}
    named = {name.replace("_", " "): value for name, value in found.items()}
    return empty | {"ground": "meadow", "time": "day"} | named


def test_all_right() -> None:
    verdict = judge(entry(), seen(kind_left="house", color_left="red", size_left="big"))
    names = {"object", "color", "place", "place, all pictures", "size", "ground", "time"}
    assert verdict == dict.fromkeys(names, True)


def test_the_kind_at_another_place_is_an_object_at_the_wrong_place() -> None:
    verdict = judge(entry(), seen(kind_right="house", color_right="red", kind_left="cat", color_left="blue"))
    assert verdict["object"]
    assert verdict["color"]
    assert not verdict["place"]
    assert not verdict["place, all pictures"]


def test_the_color_counts_where_the_kind_is() -> None:
    verdict = judge(entry(), seen(kind_left="house", color_left="blue", kind_right="cat", color_right="red"))
    assert not verdict["color"]


def test_a_kind_that_is_not_seen_has_no_place_and_the_wrong_color() -> None:
    verdict = judge(entry(), seen(kind_left="castle", color_left="red"))
    assert not verdict["object"]
    assert not verdict["color"]
    assert "place" not in verdict
    assert not verdict["place, all pictures"]


def test_style_counts_only_where_it_is_stated() -> None:
    assert "style" not in judge(entry(), seen())
    assert judge(entry(style="pixel art"), seen(style="pixel art"))["style"]


@pytest.mark.parametrize(
    ("word", "place", "right"), [("left of", "right", True), ("next to", "middle", True), ("left of", "none", False)]
)
def test_a_relation_needs_both_at_allowed_places(word: str, place: str, right: bool) -> None:
    found = seen(kind_left="house", color_left="red", **({f"kind_{place}": "cat"} if place != "none" else {}))
    assert judge(entry(relation=word), found)["relation"] is right


def test_wilson_intervals() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))


def test_shares_are_counted_over_the_pictures_they_apply_to(tmp_path: Path) -> None:
    shares = count([{"object": True, "place": True}, {"object": False}])
    assert shares == {"object": Share(1, 2), "place": Share(1, 1)}
    assert str(shares["object"]).startswith("50.0 % (1 of 2; ")
    write_results(shares, {"seeds": [1, 2]}, tmp_path / "results.json")
    assert '"wanted": 0.8' in (tmp_path / "results.json").read_text(encoding="utf-8")


def test_a_contact_sheet_holds_every_picture() -> None:
    sheet = contact_sheet([Image.new("RGB", (128, 128), "red")] * 9, ["a red house"] * 9)
    assert sheet.size == (8 * 132, 2 * 172)
