"""Factors of single blocks of the network: what stands in `Adapter.blocks`.

Two ways to write them. Names, in any case: `down`, `mid` and `up` for whole ways, `IN00` … `MID` … `OUT11` for the
blocks of the original layout, `BASE` for everything else, text encoders too; the narrower name wins, and what is not
named keeps 1. Or the lists of 12, 17, 20 or 26 numbers that are known from A1111's block weight extension; what such
a list has no place for gets 0, as there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sdtoolbox.engine.adapters.keys import Target
from sdtoolbox.engine.original_names import unet_names
from sdtoolbox.errors import UserError

BASE, MIDDLE = "BASE", "MID"
LARGEST = 10.0  # as the weights of an adapter
_WAYS: Mapping[str, str] = {"DOWN": "IN", "UP": "OUT"}
_SAME: Mapping[str, str] = {"M00": MIDDLE, "MIDDLE": MIDDLE}


def _numbered(room: str, *numbers: int) -> list[str]:
    return [f"{room}{number:02d}" for number in numbers]


LISTS: Mapping[int, list[str]] = {
    len(names): names
    for names in (
        [BASE, *_numbered("IN", 4, 5, 7, 8), MIDDLE, *_numbered("OUT", *range(6))],
        [BASE, *_numbered("IN", 1, 2, 4, 5, 7, 8), MIDDLE, *_numbered("OUT", *range(3, 12))],
        [BASE, *_numbered("IN", *range(9)), MIDDLE, *_numbered("OUT", *range(9))],
        [BASE, *_numbered("IN", *range(12)), MIDDLE, *_numbered("OUT", *range(12))],
    )
}
"""The blocks that a list of so many numbers names: LoRA and LoCon of SDXL, LoRA and LoCon of SD 1 and 2."""


class Blocks:
    """Where each module of a UNet stands."""

    def __init__(self, unet: Any) -> None:
        find = unet_names(unet.config, "")
        self._block_of = {path: _block(find(f"{path}.weight")[0].name) for path, _ in unet.named_modules() if path}
        self.names = sorted(set(self._block_of.values()) - {BASE, MIDDLE})

    def factors(self, text: str) -> Factors:
        """What `text` says; PARAM_INVALID with the allowed names where it cannot be read."""
        given = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
        if all("=" not in part for part in given):
            return Factors(self._block_of, self._from_list(given))
        return Factors(self._block_of, dict(self._from_names(given)))

    def _from_list(self, given: list[str]) -> Mapping[str, float]:
        if not given:
            return {}
        if len(given) not in LISTS:
            raise _invalid(
                f"{len(given)} block weights are not a list that is known.",
                f"Give {', '.join(map(str, LISTS))} numbers, or names such as down=1,mid=0.5,up=0.",
            )
        named = zip(LISTS[len(given)], map(_number, given), strict=True)
        return {BASE: 0.0, MIDDLE: 0.0, "IN": 0.0, "OUT": 0.0, **dict(named)}

    def _from_names(self, given: list[str]) -> Iterator[tuple[str, float]]:
        for part in given:
            name, _, number = (half.strip() for half in part.partition("="))
            wanted = name.upper()
            wanted = _WAYS.get(wanted, _SAME.get(wanted, wanted))
            if wanted not in (*_WAYS.values(), BASE, MIDDLE, *self.names):
                raise _invalid(
                    f"this model has no block {name[:40]!r}.",
                    f"There are down, mid, up, BASE, MID and {', '.join(self.names)}.",
                )
            yield wanted, _number(number)


class Factors:
    """The factor of each module of a checkpoint."""

    def __init__(self, block_of: Mapping[str, str], given: Mapping[str, float]) -> None:
        self._block_of = block_of
        self._given = given

    def of(self, target: Target) -> float:
        """What the adapter's weight is multiplied with at this module."""
        block = self._block_of.get(target.path, BASE) if target.part == "unet" else BASE
        way = block.rstrip("0123456789")
        return self._given.get(block, self._given.get(way, 1.0))


def _block(original: str) -> str:
    """IN00 to IN11, MID, OUT00 to OUT11 or BASE, from a weight's name in the original layout."""
    room, _, rest = original.partition(".")
    if room == "middle_block":
        return MIDDLE
    way = {"input_blocks": "IN", "output_blocks": "OUT"}.get(room)
    return f"{way}{int(rest.split('.')[0]):02d}" if way else BASE


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise _invalid(
            f"{text[:40]!r} is not a block weight.", f"A block weight is a number from {-LARGEST:g} to {LARGEST:g}."
        )
    return value


def _invalid(message: str, hint: str) -> UserError:
    return UserError("PARAM_INVALID", message, hint, "adapters")
