"""Pickles (.ckpt, .pt, .pth, .bin) made into safetensors, in a process of its own that can do little harm.

A pickle is a program. It is read with torch's `weights_only` unpickler, which builds tensors and plain containers
and calls nothing else, inside a process with limits on memory, time and what it may write; a pickle that asks for
more is refused. `convert` starts that process; `python -m sdtoolbox.engine.convert` is it.
"""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import signal
import struct
import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.architectures import recognise
from sdtoolbox.models.header import BYTES, read_header

if TYPE_CHECKING:
    from torch import Tensor

ROOM = 8 << 30  # bytes of address space for Python and torch themselves
COPIES = 4  # how often the weights may be held at once, with all views and mappings
SECONDS, SECONDS_PER_GB = 120, 60
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


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of a conversion: the new file and what it was recognised as."""

    file: str
    tensors: int
    kind: str
    base: str
    state: str
    reason: str
    warnings: tuple[str, ...]


def convert(source: Path, output: Path | None = None, force: bool = False) -> Conversion:
    """Make a safetensors file of the pickle `source`: `output`, or beside it under its own name.

    UserError MODEL_MISSING, PARAM_INVALID if the output exists and `force` is not set, MODEL_UNSAFE for a pickle that
    would do more than hold weights, MODEL_CORRUPT, TIMEOUT, OUT_OF_MEMORY, DISK_FULL. `output` appears whole or not.
    """
    output = output or source.with_suffix(".safetensors")
    _check_places(source, output, force)
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        done = _run(source, partial)
        if not force and output.exists():
            raise _exists(output)
        os.replace(partial, output)
    except OSError as error:
        reason = error.strerror or "the disk refused it"
        raise UserError("DISK_FULL", f"{output.name} could not be written: {reason}.", "Make room.", "output") from None
    finally:
        partial.unlink(missing_ok=True)
    return Conversion(**done | {"file": str(output), "warnings": tuple(done["warnings"])})


def _check_places(source: Path, output: Path, force: bool) -> None:
    if not source.is_file():
        raise UserError("MODEL_MISSING", f"there is no file {source.name!r}.", "Give the path of a pickle.", "source")
    if output.suffix != ".safetensors":
        hint = "Use a name like model.safetensors."
        raise UserError("PARAM_INVALID", f"--output {output.name} is not a safetensors file.", hint, "output")
    if not output.parent.is_dir():
        hint = "Make it first, or choose another."
        raise UserError("PARAM_INVALID", f"the folder of {output.name} is not there.", hint, "output")
    if output.exists() and (not force or output.is_dir()):
        raise _exists(output)


def _exists(output: Path) -> UserError:
    return UserError("PARAM_INVALID", f"{output.name} exists.", "Write over it with --force.", "output")


def _run(source: Path, partial: Path) -> dict[str, Any]:
    size = source.stat().st_size
    seconds = SECONDS + SECONDS_PER_GB * size // (1 << 30)
    command = [sys.executable, "-P", "-m", "sdtoolbox.engine.convert", str(source.absolute()), str(partial.absolute())]
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    try:
        ended = subprocess.run(
            [*command, str(seconds)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=4 * seconds,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(source, 4 * seconds) from None
    try:
        answer = json.loads(ended.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        answer = None
    if not isinstance(answer, dict):
        raise _died(source, ended.returncode, seconds)
    if "error" in answer:
        raise UserError.from_dict(answer["error"])
    return answer


def _too_slow(source: Path, seconds: int) -> UserError:
    return UserError("TIMEOUT", f"{source.name} took more than {seconds} s to read.", GET_AGAIN, "source")


def _died(source: Path, code: int, seconds: int) -> UserError:
    if -code == getattr(signal, "SIGXCPU", None):
        return _too_slow(source, seconds)
    if -code == getattr(signal, "SIGXFSZ", None):
        return _corrupt(source, "it would become much larger than it is")
    return _corrupt(source, f"the process that read it ended without an answer (status {code})")


def _corrupt(source: Path, reason: str) -> UserError:
    return UserError("MODEL_CORRUPT", f"{source.name} cannot be converted: {reason}.", GET_AGAIN, "source")


# What follows runs in the process with limits.


def main() -> None:
    """Convert argument 1 into argument 2 within argument 3 seconds of computing; print the outcome as JSON."""
    source, target, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _limit(source.stat().st_size, seconds)
    try:
        answer = _convert_here(source, target)
    except UserError as error:
        answer = {"error": error.as_dict()}
    except MemoryError:
        full = UserError("OUT_OF_MEMORY", f"{source.name} needs more memory than there is.", "", "source")
        answer = {"error": full.as_dict()}
    print(json.dumps(answer))  # noqa: T201 - the answer to the process that asked


def _limit(size: int, seconds: int) -> None:
    """Bound memory, computing time and written bytes, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = ROOM + COPIES * size
    bounds = (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 2 * size + (1 << 20)),
    )
    for what, most in (*bounds, (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, hard))


def _convert_here(source: Path, target: Path) -> dict[str, Any]:
    _check_pickle(source)  # before torch is there: most mistakes are found at once
    from safetensors.torch import save_file

    tensors, warnings = _tensors(_load(source), source)
    save_file(tensors, target, metadata={"format": "pt"})
    with target.open("rb") as stream:
        os.fsync(stream.fileno())
    found = recognise(read_header(target))
    outcome = Conversion("", len(tensors), found.kind, found.base, found.state, found.reason, tuple(warnings))
    return asdict(outcome)


def _check_pickle(source: Path) -> None:
    try:
        read_header(source)
    except UserError as error:
        if error.code != "MODEL_UNSAFE":
            raise
    else:
        hint = "Rename it to end with .safetensors."
        raise UserError("PARAM_INVALID", f"{source.name} is a safetensors file already.", hint, "source")


class _Empty:
    """Stands for an object of a class that is not called: takes anything and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _load(source: Path) -> Any:
    """The pickle's contents; nothing of it is called but what rebuilds tensors."""
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
        raise _corrupt(source, f"it is cut or damaged ({type(error).__name__})") from None


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


def _tensors(contents: Any, source: Path) -> tuple[dict[str, Tensor], list[str]]:
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
        raise _corrupt(source, "it holds no tensors")
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


if __name__ == "__main__":
    main()
