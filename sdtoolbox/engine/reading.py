"""Tensors out of safetensors files, one at a time and already in their target type; no file is ever mapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from sdtoolbox.errors import UserError
from sdtoolbox.models.header import GET_AGAIN, TensorInfo, read_header

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a weight comes from: a stored tensor, of which `third` (0, 1, 2) is taken if given, or its transpose."""

    name: str
    third: int | None = None
    transposed: bool = False


class TensorFiles:
    """The tensors of one or several weight files, by name; a context manager that closes the files.

    Mapping a file would be faster, but one that is cut short while mapped kills the process, long after loading too.
    Reading keeps one buffer of the size of the largest tensor, for those that must be cast.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        """Reads the headers; the errors of `models.header.read_header`."""
        headers = {file: read_header(file) for file in files}
        self.metadata = {key: text for header in headers.values() for key, text in header.metadata.items()}
        self._places = {name: (file, info) for file, header in headers.items() for name, info in header.tensors.items()}
        self._streams: dict[Path, BinaryIO] = {}
        self._buffer: Tensor | None = None

    def __enter__(self) -> TensorFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        self._buffer = None

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def info(self, name: str) -> TensorInfo:
        """Type, shape and place of a tensor; KeyError if there is none of this name."""
        return self._places[name][1]

    def shape(self, source: Source) -> tuple[int, ...]:
        """The shape that `read` gives."""
        shape = self.info(source.name).shape
        if source.third is not None:
            shape = (shape[0] // 3, *shape[1:])
        return shape[::-1] if source.transposed else shape

    def read(self, source: Source, dtype: torch.dtype) -> Tensor:
        """The tensor as a `dtype` in memory of its own; MODEL_CORRUPT if the file ends before it does."""
        file, info = self._places[source.name]
        if info.dtype not in DTYPES:
            known = ", ".join(DTYPES)
            raise UserError("MODEL_TYPE", f"{file.name} has weights of type {info.dtype}.", f"Known are: {known}.")
        stored, start, length = DTYPES[info.dtype], info.start, info.end - info.start
        if source.third is not None:
            length //= 3
            start += source.third * length
        data = torch.empty(length, dtype=torch.uint8) if stored == dtype else self._scratch(length)
        self._fill(file, start, data)
        plain = Source(source.name, source.third)
        tensor = data.view(stored).reshape(self.shape(plain))
        # Whoever keeps a view of the buffer would see the next tensor in it: casting copies, and so does clone.
        tensor = tensor if stored == dtype else tensor.to(dtype)
        return tensor.t().contiguous() if source.transposed else tensor

    def _scratch(self, length: int) -> Tensor:
        if self._buffer is None:
            largest = max(info.end - info.start for _, info in self._places.values())
            self._buffer = torch.empty(largest, dtype=torch.uint8)
        return self._buffer[:length]

    def _fill(self, file: Path, start: int, data: Tensor) -> None:
        if file not in self._streams:
            self._streams[file] = file.open("rb", buffering=0)
        stream, view = self._streams[file], memoryview(data.numpy())  # type: ignore[arg-type]
        stream.seek(start)
        while len(view):
            count = stream.readinto(view)  # type: ignore[attr-defined]
            if not count:
                raise UserError("MODEL_CORRUPT", f"{file.name} was cut short while it was read.", GET_AGAIN)
            view = view[count:]
