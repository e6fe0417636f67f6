"""Pictures of every kind through both tasks, from a file to a file, with real networks of a few weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images.raster import Raster
from sdtoolbox.toolbox import Toolbox
from tests.engine.restore.tiny import write_restorers

WIDTH, HEIGHT = 43, 29
RGB = (np.add.outer(np.arange(HEIGHT) * 3, np.arange(WIDTH) * 2)[..., None] + [0, 20, 60]).astype(np.uint8)


def saved(mode: str, format: str = "PNG", **options: Any) -> Callable[[], bytes]:
    def save() -> bytes:
        buffer = BytesIO()
        Image.fromarray(RGB).convert(mode).save(buffer, format, **options)
        return buffer.getvalue()

    return save


def with_alpha() -> bytes:
    picture = Image.fromarray(RGB)
    picture.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def deep(suffix: str) -> Callable[[], bytes]:
    return lambda: cv2.imencode(suffix, RGB[..., ::-1].astype(np.uint16) * 257 + 100)[1].tobytes()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("RGB", "JPEG", exif=exif, quality=95)()


def of_size(width: int, height: int) -> Callable[[], bytes]:
    def save() -> bytes:
        buffer = BytesIO()
        Image.fromarray(np.resize(RGB, (height, width, 3))).save(buffer, "PNG")
        return buffer.getvalue()

    return save


KINDS: dict[str, Callable[[], bytes]] = {
    "grey": saved("L"),
    "grey of 16 bits": lambda: cv2.imencode(".png", RGB[..., 0].astype(np.uint16) * 257)[1].tobytes(),
    "one bit": saved("1"),
    "palette": saved("P"),
    "RGBA": with_alpha,
    "PNG of 16 bits": deep(".png"),
    "TIFF of 16 bits": deep(".tiff"),
    "CMYK": saved("CMYK", "JPEG", quality=95),
    "rotated": rotated,
    "1x1": of_size(1, 1),
    "7x513": of_size(7, 513),
}


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    folder = tmp_path_factory.mktemp("restoring")
    write_restorers(folder / "models" / "restorers")
    with Toolbox.open(
        home=folder / "home", model_folders=(folder / "models",), safe_mode=True, device="cpu", threads=1
    ) as opened:
        opened.catalog.rescan()
        yield opened


def restored(toolbox: Toolbox, task: str, data: bytes, **values: Any) -> tuple[Raster, Raster]:
    image = toolbox.add_picture(data)
    result = toolbox.run(task, image=image, noise=5, jpeg_quality=100, **values)
    return Raster.read(data), Raster.read(toolbox.picture_path(result.pictures[0].id))


@pytest.mark.parametrize("kind", KINDS)
def test_denoised(toolbox: Toolbox, kind: str) -> None:
    own = next(one.id for one in toolbox.catalog.ready("restorer") if one.variant == "drunet")
    stages = [own, "wavelet"]
    before, after = restored(toolbox, "denoise", KINDS[kind](), stages=stages)
    assert after.size == before.size and after.pixels.dtype == before.pixels.dtype
    assert (after.alpha is None) == (before.alpha is None)
    if before.alpha is not None:
        assert np.array_equal(after.alpha, before.alpha)  # type: ignore[arg-type]
    assert after.grey or not before.grey
    seen = np.ones(before.pixels.shape[:2], bool) if before.alpha is None else before.alpha > before.maximum // 4
    # What is dithered becomes what it stands for: the means of small areas stay.
    then, now = (cv2.blur(one.pixels.astype(np.float32) / one.maximum, (9, 9))[seen] for one in (before, after))
    assert np.abs(then - now).max() < (0.15 if kind == "1x1" else 0.06)  # this network darkens edges


@pytest.mark.parametrize("kind", KINDS)
def test_enlarged(toolbox: Toolbox, kind: str) -> None:
    double = next(one.id for one in toolbox.catalog.ready("restorer") if one.scale == 2)
    before, after = restored(toolbox, "upscale", KINDS[kind](), upscaler=double, stages=["median"], scale=2)
    assert after.size == (before.size[0] * 2, before.size[1] * 2)
    assert after.pixels.dtype == before.pixels.dtype and (after.grey or not before.grey)
    if before.alpha is not None:
        assert after.alpha is not None
        assert np.abs(after.alpha[::2, ::2].astype(int) - before.alpha).max() <= 1
    whole = before.alpha is None and kind not in ("one bit", "palette", "7x513")  # the median changes those
    if whole:
        assert np.abs(after.pixels[::2, ::2].astype(int) - before.pixels).max() <= before.maximum // 200
