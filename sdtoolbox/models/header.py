"""The header of a safetensors file, read by a stranger who trusts nothing: whole and harmless, or refused in words.

The format: 8 bytes with the header's length (little-endian), that many bytes of JSON, then the tensors' bytes. The
JSON maps each tensor's name to `{"dtype", "shape", "data_offsets"}`, offsets counted from the end of the header, and
"__metadata__" to a map of text to text. Libraries check less than is needed here, and a file that is shorter than
its header promises kills the process which maps it into memory. What passes here, the safetensors library can read.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sdtoolbox.errors import Code, UserError

BYTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
"""Bytes of one value, by the name of its type."""

LONGEST_HEADER: Final = 32 << 20  # bytes; the largest published ones, with pictures in their metadata, have a few MB
MOST_TENSORS: Final = 100_000
LONGEST_NAME: Final = 512  # characters of a tensor's name
MOST_DIMENSIONS: Final = 8
MOST_METADATA: Final = 10_000  # entries
LARGEST: Final = 2**63 - 1  # what the 64-bit numbers of the library and of torch hold
FIELDS: Final = frozenset({"dtype", "shape", "data_offsets"})

# How files begin that are often found under the name of a safetensors file, and what to say of them.
STRANGERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"version https://git-lfs", "it is a Git LFS pointer, the weights themselves were not downloaded"),
    (b"GGUF", "it is a GGUF file, and quantised weights of that kind cannot be loaded yet"),
    (b"\x89HDF", "it is an HDF5 file of another program"),
    (b"\x1f\x8b", "it is a compressed archive (gzip) that has to be unpacked first"),
    (b"7z\xbc\xaf", "it is a compressed archive (7z) that has to be unpacked first"),
    (b"Rar!", "it is a compressed archive (rar) that has to be unpacked first"),
    (b"\x89PNG", "it is a picture"),
    (b"\xff\xd8\xff", "it is a picture"),
    (b"{", "it is a text in JSON, perhaps a server's answer instead of the file"),
)
PICKLES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "it is a zip archive, as PyTorch writes pickles, under another name: it could run programs"),
    *((b"\x80" + bytes([n]), "it is a pickle under another name: it could run programs") for n in range(1, 6)),
)
GET_AGAIN: Final = "Download it again, or remove it."
CONVERT: Final = "Convert it with `sdtoolbox models convert`, which opens it in a process of its own."


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies: `dtype` as in BYTES, `start` and `end` in bytes from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a whole file says about itself; `body` is where the tensors' bytes begin, `size` the file's, both bytes."""

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    body: int
    size: int


class _Refused(Exception):  # noqa: N818 - becomes a UserError at once
    """Why a file is not read, as the rest of a sentence that begins with its name."""

    def __init__(self, reason: str, code: Code = "MODEL_CORRUPT", hint: str = GET_AGAIN) -> None:
        super().__init__(reason)
        self.reason, self.code, self.hint = reason, code, hint


def read_header(file: Path) -> Header:
    """The checked header of `file`; its tensors' bytes are never read, and nothing but a plain file is opened.

    UserError MODEL_UNSAFE for a pickle, MODEL_CORRUPT for anything else that is not a whole safetensors file with at
    least one tensor; the message names the cause. Takes time linear in the header's length.
    """
    try:
        text, size = _read(file)
        body = 8 + len(text)
        entries = _parse(text)
        metadata = _metadata(entries.pop("__metadata__", {}))
        tensors = _tensors(entries, body)
        _tile(tensors, body, size)
    except _Refused as refused:
        name = f"{file.parent.name}/{file.name}".encode("utf-8", "replace").decode()
        raise UserError(refused.code, f"{name} cannot be used: {refused.reason}.", refused.hint) from None
    return Header(tensors, metadata, body, size)


def _read(file: Path) -> tuple[bytes, int]:
    """The header's text and the file's size in bytes."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):  # before opening: opening a pipe would wait for its other end
            raise _Refused("it is not a file but a folder, pipe or device", hint="Remove it from the model folders.")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(file, flags), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _Refused("it was replaced by something that is not a file", hint="Remove it.")
            start = stream.read(64)
            length = _length(start, status.st_size)
            stream.seek(8)
            text = stream.read(length)
    except FileNotFoundError:
        raise _Refused("it is not there any more", hint="Look at the list of models again.") from None
    except PermissionError:
        raise _Refused("this program may not read it", hint="Change the file's permissions.") from None
    except (OSError, ValueError) as error:  # a loop of links, an input error, a name with NUL
        cause = getattr(error, "strerror", None) or "its name is not one of a file"
        raise _Refused(f"it cannot be read ({cause})", hint="Look at the file or its disk.") from None
    if len(text) < length:
        raise _Refused("it became shorter while it was read")
    return text, status.st_size


def _length(start: bytes, size: int) -> int:
    """The header's length, from the first bytes of a file of `size` bytes."""
    if size == 0:
        raise _Refused("it is empty")
    length = int.from_bytes(start[:8], "little")
    if size < 8 or start[8:9] != b"{" or length > size - 8:
        _refuse_strangers(start)
    if size < 8:
        raise _Refused(f"it is cut at {size} of at least 8 bytes")
    if not any(start):
        raise _Refused("it begins with zeros: the download reserved its place but did not fill it")
    if length > LONGEST_HEADER:
        raise _Refused(f"it is not a safetensors file, or its header of {length} bytes is longer than {LONGEST_HEADER}")
    if length > size - 8:
        raise _Refused(f"it is cut within its header, at {size} of more than {8 + length} bytes")
    if length < 2 or start[8:9] != b"{":
        raise _Refused("it is not a safetensors file: there is no header at its start")
    return length


def _refuse_strangers(start: bytes) -> None:
    for magic, what in PICKLES:
        if start.startswith(magic):
            raise _Refused(what, "MODEL_UNSAFE", CONVERT)
    if start.lstrip()[:1] == b"<":
        raise _Refused("it is a web page, the download may have needed a login")
    for magic, what in STRANGERS:
        if start.startswith(magic):
            raise _Refused(what)


def _parse(text: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise _Refused("its header is not text in UTF-8") from None
    except RecursionError:
        raise _Refused("its header is nested too deeply") from None
    except ValueError:  # of the parser, or a number of thousands of digits
        raise _Refused("its header is not JSON") from None
    if not isinstance(entries, dict):
        raise _Refused("its header is not a list of tensors")
    return entries


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _Refused(f"its header names {_short(twice)} twice")
    return found


def _short(name: str) -> str:
    """A name from a file, as it may stand in a sentence."""
    return ascii(name if len(name) <= 60 else name[:57] + "...")


def _check_text(text: str, what: str) -> None:
    if "\0" in text:
        raise _Refused(f"{what} has a NUL character")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _Refused(f"{what} has half a character (a lone surrogate)") from None


def _metadata(values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise _Refused("its metadata are not a map of text to text")
    if len(values) > MOST_METADATA:
        raise _Refused(f"its metadata have {len(values)} entries, more than {MOST_METADATA}")
    for name, value in values.items():
        _check_text(name, f"the name of its metadata {_short(name)}")
        _check_text(value, f"its metadata {_short(name)}")
    return values


def _tensors(entries: dict[str, Any], body: int) -> dict[str, TensorInfo]:
    if not entries:
        raise _Refused("it has no tensors at all")
    if len(entries) > MOST_TENSORS:
        raise _Refused(f"it has {len(entries)} tensors, more than {MOST_TENSORS}")
    for name in entries:
        if len(name) > LONGEST_NAME:
            raise _Refused(f"the name of tensor {_short(name)} is longer than {LONGEST_NAME} characters")
        _check_text(name, f"the name of tensor {_short(name)}")
    return {name: _tensor(name, entry, body) for name, entry in entries.items()}


def _tensor(name: str, entry: Any, body: int) -> TensorInfo:
    if not isinstance(entry, dict) or entry.keys() != FIELDS:
        raise _Refused(f"tensor {_short(name)} is not described by dtype, shape and data_offsets alone")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES:
        kind = _short(dtype) if isinstance(dtype, str) else "which is not even a text"
        raise _Refused(f"tensor {_short(name)} has numbers of an unknown type, {kind}")
    if not _are_counts(shape) or len(shape) > MOST_DIMENSIONS:
        raise _Refused(f"the shape of tensor {_short(name)} is not a list of up to {MOST_DIMENSIONS} whole numbers")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _Refused(f"the place of tensor {_short(name)} is not two whole numbers in order")
    wanted = strides = BYTES[dtype]
    for length in shape:
        wanted, strides = wanted * length, strides * max(length, 1)
        if strides > LARGEST:  # also where another length is 0: readers multiply in their own order
            raise _Refused(f"tensor {_short(name)} would have more than 2**63 bytes")
    start, end = offsets
    if wanted != end - start:
        raise _Refused(f"tensor {_short(name)} should have {wanted} bytes and has {end - start}")
    return TensorInfo(dtype, tuple(shape), body + start, body + end)


def _are_counts(values: Any) -> bool:
    # type() and not isinstance: True is an int to Python, and a mistake here
    return type(values) is list and all(type(value) is int and 0 <= value <= LARGEST for value in values)


def _tile(tensors: Mapping[str, TensorInfo], body: int, size: int) -> None:
    """Check that the tensors lie one behind the other from `body` to the end of the file."""
    position = body
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start < position:
            raise _Refused(f"tensor {_short(name)} overlaps the one before it")
        if tensor.start > position:
            raise _Refused(f"there is a hole of {tensor.start - position} bytes before tensor {_short(name)}")
        position = tensor.end
    if position > size:
        raise _Refused(f"it is cut at {size} of {position} bytes")
    if position < size:
        raise _Refused(f"it has {size - position} bytes more than its header describes")
