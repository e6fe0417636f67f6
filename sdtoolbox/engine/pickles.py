"""Weights out of a pickle with nothing of it run: what `weights_only` allows, and what trainers leave beside it.

Only called in a process with limits: see `convert`.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.header import BYTES

if TYPE_CHECKING:
    from torch import Tensor

# Under which names trainers put the weights, the averaged ones before the last ones.
WRAPPERS = ("state_dict", "params_ema", "params", "model_state_dict")
# What trainers leave beside the weights: settings and counters. Such objects are replaced by empty ones.
HARMLESS = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "numpy.", "argparse.Namespace")
# What rebuilds tensors, as the unpickler itself allows it or refuses it.
TORCH = ("torch.", "collections.", "_codecs.")
# What torch raises on files that are cut or damaged.
DAMAGE = (
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    struct.error,
    zipfile.BadZipFile,
)
GET_AGAIN = "Download it again, if you trust where it comes from."


def corrupt(source: Path, reason: str) -> UserError:
    """The error for a file of which nothing can be made, with the rest of a sentence."""
    return UserError("MODEL_CORRUPT", f"{source.name} cannot be converted: {reason}.", GET_AGAIN, "source")


class _Empty:
    """Stands for an object of a class that is not called: takes anything and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def unpickle(source: Path) -> Any:
    """The pickle's contents; nothing of it is called but what rebuilds tensors. MODEL_UNSAFE or MODEL_CORRUPT."""
    import torch
    from torch.serialization import safe_globals

    zipped = zipfile.is_zipfile(source)
    try:
        named = _named_in_zip(source) if zipped else _named(source)
        if refused := sorted(name for name in named if not name.startswith(HARMLESS)):
            raise _unsafe(source, f"it would use {', '.join(refused[:3])[:200]}")
        with safe_globals([(_Empty, name) for name in named]):
            return torch.load(source, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError:
        raise _unsafe(source, "it is damaged, or asks for what no weights need") from None
    except DAMAGE as error:
        raise corrupt(source, f"it is cut or damaged ({type(error).__name__})") from None


def _named_in_zip(source: Path) -> set[str]:
    """The functions and classes that a pickle in torch's zip format names, without those that rebuild tensors."""
    from torch.serialization import get_unsafe_globals_in_checkpoint

    return set(get_unsafe_globals_in_checkpoint(source))


def _named(source: Path) -> set[str]:
    """The same for torch's older format, several pickles one after another; read up to where it is damaged."""
    names: set[str] = set()
    words: deque[str] = deque(maxlen=2)
    with source.open("rb") as stream:
        try:
            for _ in range(4):  # magic number, version, kind of machine, contents
                for code, value, _ in pickletools.genops(stream):
                    if code.name in ("GLOBAL", "INST"):
                        names.add(str(value).replace(" ", "."))
                    elif code.name == "STACK_GLOBAL":
                        names.add(".".join(words))
                    elif isinstance(value, str):
                        words.append(value)
        except ValueError:
            pass
    return {name for name in names if not name.startswith(TORCH)}


def _unsafe(source: Path, reason: str) -> UserError:
    message = f"{source.name} is not only weights: {reason}."
    return UserError("MODEL_UNSAFE", message, "Nothing of it was run. Delete it, or ask its author for a clean file.")


def tensors_of(contents: Any, source: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors by name, each with memory of its own, and what is to be said of the rest."""
    import torch

    found: dict[str, Tensor] = {}
    dropped: list[str] = []
    storages: set[int] = set()
    for name, value in _flat(_unwrapped(contents)):
        if not isinstance(value, torch.Tensor) or not _storable(value):
            dropped.append(name)
            continue
        tensor = value.detach()
        storage = tensor.untyped_storage()
        alone = storage.data_ptr() not in storages and storage.nbytes() == tensor.numel() * tensor.element_size()
        storages.add(storage.data_ptr())
        # a copy where it shares its memory with another, or is a part of something larger
        found[name] = tensor.contiguous() if alone else tensor.clone(memory_format=torch.contiguous_format)
    if not found:
        raise corrupt(source, "it holds no tensors")
    shown = ", ".join(ascii(name[:60])[1:-1] for name in dropped[:3]) + (" …" if len(dropped) > 3 else "")
    return found, [
        f"{len(dropped)} entries are not tensors that can be kept and were left out: {shown}"
    ] if dropped else []


def _storable(tensor: Tensor) -> bool:
    import torch
    from safetensors.torch import _TYPES

    known = {dtype for name, dtype in _TYPES.items() if name in BYTES}
    return tensor.layout is torch.strided and not tensor.is_quantized and tensor.dtype in known


def _unwrapped(contents: Any) -> Any:
    """The weights themselves, without what trainers wrap around them; an embedding of A1111 as its one tensor."""
    for _ in range(3):
        if not isinstance(contents, Mapping):
            break
        if isinstance(words := contents.get("string_to_param"), Mapping) and words:
            return {"emb_params": next(iter(words.values()))}
        inner = next((contents[key] for key in WRAPPERS if isinstance(contents.get(key), Mapping)), None)
        if inner is None:
            break
        contents = inner
    return contents


def _flat(contents: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if not isinstance(contents, Mapping):
        return
    for key, value in contents.items():
        name = f"{prefix}{key if isinstance(key, str) else repr(key)[:60]}"
        if isinstance(value, Mapping) and depth < 3:
            yield from _flat(value, f"{name}.", depth + 1)
        else:
            yield name, value
