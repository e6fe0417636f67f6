"""How large the parts of a checkpoint are, from the headers of its files, before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sdtoolbox.engine.families import family_of
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.header import TensorInfo, read_header
from sdtoolbox.models.roots import find_roots
from sdtoolbox.models.weights import weight_files


def parameters_of(entry: CatalogEntry) -> dict[str, int]:
    """The number of parameters of each part, 0 for one that is not there; errors of `read_header` and `family_of`."""
    parts = family_of(entry.base).parts
    if entry.layout == "diffusers":
        files = {part: weight_files(entry.path / part) for part in parts}
        return {part: sum(_count(read_header(file).tensors.values()) for file in files[part]) for part in parts}
    tensors = read_header(entry.path).tensors
    roots = find_roots(tensors.keys())
    counts = dict.fromkeys(parts, 0)
    for part in roots.keys() & counts.keys():
        # A network without any root stands beside what has one.
        others = () if roots[part] else tuple(root for root in roots.values() if root)
        counts[part] = _count(
            info for name, info in tensors.items() if name.startswith(roots[part]) and not name.startswith(others)
        )
    return counts


def _count(tensors: Iterable[TensorInfo]) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors)
