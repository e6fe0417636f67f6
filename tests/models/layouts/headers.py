"""Headers and files of fixtures: all that recognition looks at, and no weights."""

from __future__ import annotations

import json
import math
from pathlib import Path

from sdtoolbox.models.header import BYTES, Header, TensorInfo
from tests.models.layouts.unets import Shapes


def header(shapes: Shapes, dtype: str = "F16", **metadata: str) -> Header:
    """The header of a file with these tensors, of which nothing is on disk."""
    position, tensors = 0, {}
    for name, shape in shapes.items():
        end = position + math.prod(shape) * BYTES[dtype]
        tensors[name] = TensorInfo(dtype, shape, position, end)
        position = end
    return Header(tensors, {key.replace("__", "."): value for key, value in metadata.items()}, 0, position)


def write(path: Path, shapes: Shapes) -> Path:
    """A whole file with these tensors: its data are a hole, so that it takes no room."""
    made = header(shapes)
    entries = {
        name: {"dtype": info.dtype, "shape": info.shape, "data_offsets": [info.start, info.end]}
        for name, info in made.tensors.items()
    }
    text = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + made.size)
    return path
