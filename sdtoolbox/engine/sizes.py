"""How large models and their parts are, from the headers of its files, before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch

from sdtoolbox.engine.families import ANY_VAE, FAMILIES, Family, family_of
from sdtoolbox.engine.policy import Policy, bytes_of
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


def checkpoint_bytes(base: str, parameters: Mapping[str, int], policy: Policy) -> int:
    """What the weights of a checkpoint of this base take, held as `policy` says; `parameters` as `parameters_of`."""
    others = sum(
        number * bytes_of(part, policy.precision, policy.storage)
        for part, number in parameters.items()
        if part != "vae"
    )
    return others + parameters.get("vae", 0) * _vae_type(family_of(base), policy).itemsize


def vae_bytes(entry: CatalogEntry, policy: Policy) -> int:
    """What the weights of a VAE alone take, at most, held as `policy` says; errors of `read_header`."""
    files = [entry.path]
    if entry.layout == "diffusers":
        files = weight_files(entry.path / "vae" if (entry.path / "vae").is_dir() else entry.path)
    parameters = sum(_count(read_header(file).tensors.values()) for file in files)
    return parameters * _vae_type(FAMILIES.get(entry.base, ANY_VAE), policy).itemsize


def stored_bytes(entry: CatalogEntry) -> int:
    """What the tensors of a single file take in it; errors of `read_header`."""
    return sum(tensor.end - tensor.start for tensor in read_header(entry.path).tensors.values())


def _vae_type(family: Family, policy: Policy) -> torch.dtype:
    fragile = family.fragile_vae and policy.precision == torch.float16  # held in float32, as `loading` does
    return torch.float32 if fragile else policy.precision


def _count(tensors: Iterable[TensorInfo]) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors)
