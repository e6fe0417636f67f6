"""How a drawn sheet becomes a finished picture in one of the four styles."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdtoolbox.training.storybook.palette import PAPER

_TEXTURES = 16
_PIXEL_ART_CELLS = 43  # cells of 3 pixels at 128: small enough for a small cat, big enough to be seen
_PIXEL_ART_DETAIL = 3
_PIXEL_ART_COLORS = 28
_SUPERSAMPLING = {"flat": 3, "watercolour": 2, "pencil sketch": 2}


def sheet_pixels(style: str, size: int) -> int:
    """Edge in pixels of the sheet to draw on for a picture of `size` pixels."""
    if style == "pixel art":
        return _PIXEL_ART_CELLS * _PIXEL_ART_DETAIL
    return size * _SUPERSAMPLING[style]


def finish(sheet: Image.Image, style: str, seed: int, size: int) -> Image.Image:
    """The finished picture (RGB, `size` x `size`) of a sheet drawn at `sheet_pixels(style, size)`."""
    if style == "pixel art":
        return _pixel_art(sheet, size)
    if style == "watercolour":
        return _watercolour(sheet, seed % _TEXTURES, size)
    picture = sheet.reduce(_SUPERSAMPLING[style])
    return picture if style == "flat" else _pencil_sketch(picture, seed % _TEXTURES)


def _pixel_art(sheet: Image.Image, size: int) -> Image.Image:
    cells = sheet.reduce(_PIXEL_ART_DETAIL)
    limited = cells.quantize(_PIXEL_ART_COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).convert("RGB")
    edge = -(-size // _PIXEL_ART_CELLS) * _PIXEL_ART_CELLS  # whole pixels a cell, the last cells are cut off
    return limited.resize((edge, edge), Image.Resampling.NEAREST).crop((0, 0, size, size))


def _watercolour(sheet: Image.Image, texture: int, size: int) -> Image.Image:
    flow = _flow(texture, sheet.width)
    wet = np.asarray(sheet).reshape(-1, 3)[flow]  # edges wander with the water
    picture = Image.fromarray(wet).reduce(sheet.width // size)
    pigment, bloom = _pigment(texture, size)
    paint = np.asarray(picture, dtype=np.float32)
    paint = paint * pigment + bloom
    return Image.fromarray(np.clip(paint, 0, 255).astype(np.uint8))


def _pencil_sketch(picture: Image.Image, texture: int) -> Image.Image:
    cover = _hatching(texture, picture.width)
    paint = np.asarray(picture, dtype=np.float32)
    paper = np.array(PAPER, dtype=np.float32)
    return Image.fromarray((paper + (paint - paper) * cover).astype(np.uint8))


def _clouds(rng: np.random.Generator, cells: int, size: int) -> NDArray[np.float32]:
    """Smooth noise in [-1, 1], (size, size), with about `cells` bumps along an edge."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


@lru_cache(maxsize=2 * _TEXTURES)
def _flow(texture: int, size: int) -> NDArray[np.intp]:
    """Where each pixel (size, size) of a watercolour takes its paint from, as flat indices."""
    rng = np.random.default_rng((1, texture))
    reach = 0.008 * size
    rows, columns = np.mgrid[0:size, 0:size]
    rows = np.clip(rows + _clouds(rng, 14, size) * reach, 0, size - 1).astype(np.intp)
    columns = np.clip(columns + _clouds(rng, 14, size) * reach, 0, size - 1).astype(np.intp)
    flat: NDArray[np.intp] = rows * size + columns
    return flat


@lru_cache(maxsize=2 * _TEXTURES)
def _pigment(texture: int, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factor and summand (size, size, 3) that turn flat paint into washes on paper with a bare edge."""
    rng = np.random.default_rng((2, texture))
    wash = 1.0 + 0.11 * _clouds(rng, 5, size) + 0.05 * _clouds(rng, 12, size)
    away = np.abs(np.linspace(-1, 1, size, dtype=np.float32))
    border = np.maximum(away[:, None], away[None, :]) + 0.03 * _clouds(rng, 10, size)
    bare = np.clip((border - 0.93) / 0.05, 0, 1)
    thin = np.clip(0.10 + 0.10 * _clouds(rng, 4, size), 0.0, 1.0)  # paper that shines through
    share = np.maximum(bare, thin)[..., None]
    paper = np.array(PAPER, dtype=np.float32)
    return ((1 - share) * wash[..., None]).astype(np.float32), (share * paper).astype(np.float32)


@lru_cache(maxsize=2 * _TEXTURES)
def _hatching(texture: int, size: int) -> NDArray[np.float32]:
    """How much of the paper (size, size, 1) the coloured pencil covers, 0 to 1."""
    rng = np.random.default_rng((3, texture))
    rows, columns = np.mgrid[0:size, 0:size] / size
    strokes = np.sin(2 * np.pi * (15 * (rows + 0.8 * columns) + 0.7 * _clouds(rng, 6, size)))
    pressure = 0.07 + 0.04 * _clouds(rng, 7, size)
    cover = 0.9 + pressure * strokes + 0.06 * _clouds(rng, 8, size)
    covered: NDArray[np.float32] = np.clip(cover, 0, 1).astype(np.float32)[..., None]
    return covered
