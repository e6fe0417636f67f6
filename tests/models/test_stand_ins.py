"""What could stand in: of the same base, then of a near name; three at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.stand_ins import stand_ins


def catalog(**bases: str) -> Catalog:
    entries = [SimpleNamespace(id=name, name=name, base=base) for name, base in bases.items()]
    return cast(Catalog, SimpleNamespace(ready=lambda _kind: list[Any](entries)))


def test_near_names_come_first() -> None:
    here = catalog(dream="sd1", dreamer_v8="sd1", ocean="sd1", other="sd1")
    assert stand_ins(here, "dreamer_v7", "checkpoint")[0] == "dreamer_v8"
    assert len(stand_ins(here, "dreamer_v7", "checkpoint")) == 3


def test_another_base_cannot_stand_in() -> None:
    here = catalog(ink_xl="sdxl", oil="sd1", unsaid="unknown")
    assert stand_ins(here, "ink_xl", "lora", "sd1") == ["oil", "unsaid"]
    assert set(stand_ins(here, "ink", "lora")) == {"ink_xl", "oil", "unsaid"}


def test_copies_are_named_once() -> None:
    entries = [SimpleNamespace(id=str(i), name="ink", base="sd1") for i in range(4)]
    here = cast(Catalog, SimpleNamespace(ready=lambda _kind: list[Any](entries)))
    assert stand_ins(here, "inks", "lora") == ["ink"]


def test_nothing_may_be_there() -> None:
    assert stand_ins(catalog(), "a", "vae") == []
