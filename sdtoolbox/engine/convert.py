"""Pickles (.ckpt, .pt, .pth, .bin) made into safetensors, in a process of its own that can do little harm.

A pickle is a program. It is read with torch's `weights_only` unpickler, which builds tensors and plain containers
and calls nothing else, inside a process with limits on memory, time and what it may write; a pickle that asks for
more is refused. `convert` starts that process; `python -m sdtoolbox.engine.convert` is it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sdtoolbox.engine.pickles import GET_AGAIN, corrupt, tensors_of, unpickle
from sdtoolbox.errors import UserError
from sdtoolbox.models.architectures import recognise
from sdtoolbox.models.header import read_header

ROOM = 8 << 30  # bytes of address space for Python and torch themselves
COPIES = 4  # how often the weights may be held at once, with all views and mappings
SECONDS, SECONDS_PER_GB = 120, 60


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
        return corrupt(source, "it would become much larger than it is")
    return corrupt(source, f"the process that read it ended without an answer (status {code})")


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

    tensors, warnings = tensors_of(unpickle(source), source)
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


if __name__ == "__main__":
    main()
