"""What an architecture promises that can be seen without a file of its kind: it keeps to its own, quickly."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sdtoolbox.models.added import SECONDS
from sdtoolbox.registered import ArchitectureInfo
from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import Look, PromiseError

STRANGERS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "a file without tensors": {},
    "a file of scalars and vectors": {"alpha": (), "weight": (3,), "0.weight": (1,), "bias": (0,)},
    "a file of a text encoder": {"embeddings.weight": (100, 8), "layers.0.weight": (8, 8), "layers.0.bias": (8,)},
    "a file of convolutions": {
        f"unlikely.{i}.{part}": (4, 4, 3, 3)[: 4 if part == "weight" else 1]
        for i in range(2000)
        for part in ("weight", "bias")
    },
}
"""Shapes by name of files that are nobody's."""


def keeps_to_its_own(entry: Entry[ArchitectureInfo]) -> str:
    """Of files that are not its own it says so, and raises nothing."""
    began = time.perf_counter()
    for name, shapes in STRANGERS.items():
        if (told := entry.value.detect(shapes)) is not None and told is not False:
            raise PromiseError(f"detect takes {name} for its own, and says {told!r}: look at more names and shapes")
    took = (time.perf_counter() - began) / len(STRANGERS)
    if took > SECONDS:
        raise PromiseError(f"detect takes {took:.1f} s for a file: it may take {SECONDS:g}")
    return f"{1000 * took:.2g} ms for a file that is not its own"


LOOKS: Mapping[str, Look] = {"keeps to its own": keeps_to_its_own}
