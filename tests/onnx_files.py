"""ONNX files for tests, written field by field: a YuNet that sees the same faces in every picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

SIDE = 640
STRIDE = 16
FLOATS, WHOLES = 1, 7
"""Types of ONNX."""
HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def field(number: int, content: int | str | bytes) -> bytes:
    """One field of a message."""
    if isinstance(content, int):
        return _pieces(number << 3) + _pieces(content)
    data = content.encode() if isinstance(content, str) else content
    return _pieces(number << 3 | 2) + _pieces(len(data)) + data


def write_yunet(path: Path, faces: Iterable[Sequence[tuple[float, float]]]) -> Path:
    """A file that answers with these faces, each given by its five points in the square of 640 pixels."""
    nodes = [
        _node("GlobalAveragePool", ["input"], "mean"),
        _node("Conv", ["mean", "none"], "flat"),
        _node("Reshape", ["flat", "shape"], "nothing"),
    ]
    given = [
        _tensor("none", np.zeros((1, 3, 1, 1), np.float32)),
        _tensor("shape", np.ones(3, np.int64)),
    ]
    outputs = []
    rows = [_row(points) for points in faces]
    for head, width in HEADS.items():
        for stride in (8, 16, 32):
            answer = np.zeros((1, (SIDE // stride) ** 2, width), np.float32)
            for place, row in rows if stride == STRIDE else ():
                answer[0, place] = row[head]
            name = f"{head}_{stride}"
            given.append(_tensor(f"{name}_given", answer))
            nodes.append(_node("Add", [f"{name}_given", "nothing"], name))
            outputs.append(_value(name, answer.shape))
    graph = b"".join(field(1, one) for one in nodes) + field(2, "faces") + b"".join(field(5, one) for one in given)
    graph += field(11, _value("input", (1, 3, SIDE, SIDE))) + b"".join(field(12, one) for one in outputs)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def _row(points: Sequence[tuple[float, float]]) -> tuple[int, dict[str, Sequence[float]]]:
    """A cell of the grid, and what stands there: places are counted from the cell, in cells, sizes are logarithms."""
    places = np.asarray(points) / STRIDE
    column, row = np.floor(places.mean(axis=0)).astype(int)
    size = np.log(np.ptp(places, axis=0) * 1.5)
    centre = places.mean(axis=0) - (column, row)
    box = [*centre, *size]
    return int(row * (SIDE // STRIDE) + column), {
        "cls": [1],
        "obj": [1],
        "bbox": box,
        "kps": (places - (column, row)).ravel().tolist(),
    }


def _pieces(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = FLOATS if values.dtype == np.float32 else WHOLES
    return (
        b"".join(field(1, side) for side in values.shape) + field(2, kind) + field(8, name) + field(9, values.tobytes())
    )


def _value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, FLOATS) + field(2, sides)))


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(field(1, one) for one in inputs) + field(2, output) + field(4, kind)
