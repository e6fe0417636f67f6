"""Names mean one thing or nothing."""

from __future__ import annotations

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.registry import Entry, Registry


@pytest.fixture
def registry() -> Registry[int]:
    registry: Registry[int] = Registry("sampler")
    registry.add(Entry("euler", "Euler", "built-in", 1))
    registry.add(Entry("dpmpp_2m", "DPM++ 2M", "built-in", 2))
    return registry


@pytest.mark.parametrize("name", ["dpmpp_2m", "DPM++ 2M", "dpm++ 2m", " DPMPP_2M "])
def test_ids_and_labels_are_found_in_any_case(registry: Registry[int], name: str) -> None:
    assert name in registry
    assert registry.get(name).value == 2


def test_an_unknown_name_lists_what_there_is(registry: Registry[int]) -> None:
    with pytest.raises(UserError, match="there is no sampler 'oiler'") as caught:
        registry.get("oiler", "sampler")
    assert caught.value.hint == "There are: Euler, DPM++ 2M."
    assert caught.value.field == "sampler"


@pytest.mark.parametrize(("id_", "label"), [("euler", "Mine"), ("mine", "EULER"), ("DPM++ 2m", "Mine")])
def test_a_clash_names_both_owners_and_changes_nothing(registry: Registry[int], id_: str, label: str) -> None:
    with pytest.raises(ValueError, match="of mallory is already taken by built-in"):
        registry.add(Entry(id_, label, "mallory", 3))
    assert registry.ids() == ["euler", "dpmpp_2m"]
    assert "mine" not in registry


def test_order_is_that_of_registration(registry: Registry[int]) -> None:
    assert [entry.label for entry in registry] == ["Euler", "DPM++ 2M"]
    assert len(registry) == 2
