"""What the pickers offer: what fits first, the rest with its reason, never too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.listing import Listing
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.shelves import OFFERED, base_name, is_usable, shelf_functions


def entry(name: str, kind: str = "lora", base: str = "sd1", state: str = "ready", **more: Any) -> CatalogEntry:
    values: dict[str, Any] = {"kind": kind, "base": base, "state": state} | more
    return CatalogEntry(id=name, name=name, path=Path("/nowhere") / name, **values)


class FakeCatalog:
    """The part of a catalog that pickers use, over entries that no file stands behind."""

    scanning = False

    def __init__(self, *entries: CatalogEntry) -> None:
        self._listing = Listing(entries)
        self.search = self._listing.search
        self.rescans = 0

    def __iter__(self) -> Any:
        return iter(self._listing.entries)

    def get(self, identity: str) -> CatalogEntry:
        found = self._listing.get(identity)
        if found is None:
            raise UserError("MODEL_MISSING", "there is none.")
        return found

    def rescan(self) -> None:
        self.rescans += 1


SMALL = entry("small", "checkpoint")
LARGE = entry("large", "checkpoint", "sdxl")


def offered(catalog: FakeCatalog, shelf: str, **asked: Any) -> list[dict[str, Any]]:
    find, _ = shelf_functions(catalog, Texts("en"), shelf)  # type: ignore[arg-type]
    return list(find(asked)["options"])


def test_what_fits_comes_first_and_the_rest_says_why_not() -> None:
    broken = entry("a broken one", state="broken", reason="it is cut off")
    catalog = FakeCatalog(SMALL, LARGE, broken, entry("b", base="sdxl"), entry("c"))
    options = offered(catalog, "adapters", checkpoint="small")
    assert [(one["name"], one["refused"]) for one in options] == [
        ("c", ""),
        ("b", "This is an SDXL LoRA, the model is SD 1.5"),
        ("a broken one", "It is cut off"),
    ]
    assert next(one["name"] for one in offered(catalog, "adapters", checkpoint="large", text="b")) == "b"
    assert not any(
        one["refused"] for one in offered(catalog, "adapters", checkpoint="gone") if one["name"] != broken.name
    )


def test_a_checkpoint_that_lacks_only_its_vae_can_be_chosen() -> None:
    without_vae = entry("v", "checkpoint", state="incomplete", reason="it lacks a VAE", parts=("unet", "text_encoder"))
    without_text = entry("t", "checkpoint", state="incomplete", reason="it lacks a text encoder", parts=("unet", "vae"))
    assert is_usable(without_vae)
    assert not is_usable(without_text)
    options = offered(FakeCatalog(without_text, without_vae), "checkpoints")
    assert [(one["name"], one["remark"], one["refused"]) for one in options] == [
        ("v", "It lacks a VAE", ""),
        ("t", "It lacks a text encoder", "It lacks a text encoder"),
    ]


def test_few_of_many_are_offered_and_two_of_one_name_can_be_told_apart() -> None:
    catalog = FakeCatalog(*(entry(f"style {number:04d}") for number in range(200)))
    find, _ = shelf_functions(catalog, Texts("en"), "adapters")  # type: ignore[arg-type]
    answer = find({})
    assert (len(answer["options"]), answer["more"]) == (OFFERED, 150)
    assert catalog.rescans == 1
    assert [one["name"] for one in find({"text": "0042"})["options"]] == ["style 0042"]
    assert catalog.rescans == 1
    twins = [
        CatalogEntry(id=f"{n}" * 32, name="twin", kind="vae", base="sd1", state="ready", path=Path("x")) for n in (1, 2)
    ]
    labels = [one["label"] for one in offered(FakeCatalog(*twins), "vaes")]
    assert labels == ["twin (111111)", "twin (222222)"]


@pytest.mark.parametrize(
    "asked", [None, [], "x", 7, {"text": 5}, {"ids": "x"}, {"text": "x" * 9999}, {"ids": ["\ud800"]}]
)
def test_nonsense_from_a_browser_is_answered(asked: Any) -> None:
    for function in shelf_functions(FakeCatalog(SMALL), Texts("en"), "checkpoints"):  # type: ignore[arg-type]
        assert isinstance(function(asked), dict)


def test_what_is_gone_is_said_to_be() -> None:
    _, look = shelf_functions(FakeCatalog(SMALL, entry("film")), Texts("en"), "adapters")  # type: ignore[arg-type]
    answer = look({"ids": ["film", "gone"], "checkpoint": "small"})
    assert answer["gone"] is None
    assert answer["film"]["name"] == "film"


def test_bases_have_names() -> None:
    assert base_name("sdxl", Texts("zh-CN")) == "SDXL"
    assert base_name("unknown", Texts("zh-CN")) == "未知"
