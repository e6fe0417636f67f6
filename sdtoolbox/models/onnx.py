"""ONNX files, of which one kind is used: YuNet, which finds faces. Told by what its graph gives; nothing of it is run.

ONNX is protocol buffers: numbered fields, of which those that hold something begin with its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdtoolbox.models.recognition import Recognition
from sdtoolbox.models.small_files import read_small

ENDING = ".onnx"
NAMED = "yunet"
"""What stands in the names of the files that are looked at: other programs' folders hold many ONNX files."""
LARGEST = 1 << 24
"""Bytes; YuNet has a quarter of a million."""
GRAPH, OUTPUT, NAME = 7, 12, 1
"""Numbers of fields: the graph of a model, an output of a graph, its name."""
YUNET = frozenset(f"{what}_{stride}" for what in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32))
"""What the editions from 2023 on give, which OpenCV reads: of each cell of three grids scores, box and five points."""


def is_looked_at(name: str) -> bool:
    """Whether a file of this name is listed."""
    return name.lower().endswith(ENDING) and NAMED in name.lower()


def recognise_onnx(file: Path) -> Recognition:
    """A detector, or why not; OSError, ValueError for what is no ONNX file."""
    given = outputs_of(read_small(file, LARGEST))
    if given >= YUNET:
        return Recognition(kind="detector", base="unknown", variant="yunet", state="ready")
    reason = "it is no YuNet of 2023 or later, the one kind of ONNX files that can be used"
    return Recognition(kind="unknown", base="unknown", state="unsupported", reason=reason)


def outputs_of(model: bytes) -> frozenset[str]:
    """The names of what a model's graph gives; ValueError if these are no fields."""
    graphs = (content for number, content in _fields(memoryview(model)) if number == GRAPH)
    outputs = (content for graph in graphs for number, content in _fields(graph) if number == OUTPUT)
    names = (content for output in outputs for number, content in _fields(output) if number == NAME)
    return frozenset(str(name, "utf-8") for name in names)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, content) of the fields that have a length; the others are passed over."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        size = {1: 8, 5: 4}.get(key & 7, 0)
        if key & 7 in (0, 2):
            length, at = _number(message, at)
            size = length if key & 7 == 2 else 0
        elif not size:
            raise ValueError(f"a field of type {key & 7}")
        if at + size > len(message):
            raise ValueError("a field that is longer than its message")
        if key & 7 == 2:
            yield key >> 3, message[at : at + size]
        at += size


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number in pieces of seven bits, the lowest first, and where the next thing begins."""
    value = 0
    for place in range(10):
        if at + place >= len(message):
            raise ValueError("a number without an end")
        piece = message[at + place]
        value |= (piece & 127) << 7 * place
        if piece < 128:
            return value, at + place + 1
    raise ValueError("a number of more than ten pieces")
