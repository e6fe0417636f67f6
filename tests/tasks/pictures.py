"""A store of pictures for tests of tasks: a context that has some, by id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from sdtoolbox.images.masks import mask_png
from sdtoolbox.images.raster import Raster
from sdtoolbox.schema.requests import Request
from tests.fakes import FakeContext, GaussianModel

IMAGE, MASK = "a" * 32, "b" * 32


class PictureContext(FakeContext):
    """A `FakeContext` whose store is a folder; the model is called gaussian."""

    def __init__(self, folder: Path, model: Any | None = None, **others: Any) -> None:
        super().__init__({"gaussian": model or GaussianModel()} | others)
        self.folder = folder

    def add(self, raster: Raster, identity: str = IMAGE) -> None:
        """Keep a picture under an id."""
        (self.folder / identity).write_bytes(raster.png())

    def add_mask(self, mask: np.ndarray) -> None:
        """Keep a mask."""
        (self.folder / MASK).write_bytes(mask_png(mask.astype(np.float32)))

    def picture(self, identity: str) -> Raster:
        """See `protocols.TaskContext`."""
        return Raster.read(self.picture_path(identity))

    def picture_path(self, identity: str) -> Path:
        """See `protocols.TaskContext`."""
        return self.folder / identity

    def scratch(self) -> BinaryIO:
        """See `protocols.TaskContext`."""
        return cast(BinaryIO, TemporaryFile())

    def tags(self, request: Request, measured: Mapping[str, float]) -> Mapping[str, str]:
        """The environment that was known when the file's head was written."""
        return {"comment": json.dumps(self.environment)}


def raster(width: int = 64, height: int = 48, *, deep: bool = False, alpha: bool = False, seed: int = 0) -> Raster:
    """A smooth coloured picture with some grain, of 8 or 16 bits, with an alpha that varies if asked for."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    planes = [x / width, y / height, (x + y) / (width + height)]
    values = np.dstack(planes) * 0.7 + 0.1 + rng.uniform(0, 0.1, (height, width, 3))
    top, kind = (65535, np.uint16) if deep else (255, np.uint8)
    opaque = np.rint(np.clip(1.4 - x / width, 0, 1) * top).astype(kind) if alpha else None
    return Raster(np.rint(values * top).astype(kind), opaque)


def box_mask(box: tuple[int, int, int, int], width: int = 64, height: int = 48) -> np.ndarray:
    """1 within a box, 0 elsewhere."""
    mask = np.zeros((height, width), np.float32)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = 1
    return mask


def resolved(**values: Any) -> dict[str, Any]:
    """What a resolved request for the fake model says, with these values besides."""
    usual: Mapping[str, Any] = {
        "image": IMAGE,
        "checkpoint": "gaussian",
        "width": 64,
        "height": 48,
        "steps": 6,
        "sampler": "euler",
        "schedule": "karras",
        "guidance_scale": 5.0,
        "seed": 10,
        "prompt": "a tree",
    }
    return {**usual, **values}


def array(image: Image.Image | Raster) -> np.ndarray:
    """The pixels of what a task drew."""
    return image.pixels if isinstance(image, Raster) else np.asarray(image)
