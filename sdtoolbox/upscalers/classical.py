"""Pictures enlarged by arithmetic alone: what every image program has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL.Image import Image, Resampling

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def lanczos(picture: Image, width: int, height: int) -> Image:
    """Sharp, with a faint ring at hard edges."""
    return picture.resize((width, height), Resampling.LANCZOS)


def bicubic(picture: Image, width: int, height: int) -> Image:
    """A little softer than Lanczos, without its rings."""
    return picture.resize((width, height), Resampling.BICUBIC)


def bilinear(picture: Image, width: int, height: int) -> Image:
    """Soft."""
    return picture.resize((width, height), Resampling.BILINEAR)


def nearest(picture: Image, width: int, height: int) -> Image:
    """Every pixel as a square: for pixel art."""
    return picture.resize((width, height), Resampling.NEAREST)


def register(ext: Extension) -> None:
    """Add the upscalers of this file."""
    ext.upscaler(lanczos, label="Lanczos", on="pictures")
    ext.upscaler(bicubic, label="Bicubic", on="pictures")
    ext.upscaler(bilinear, label="Bilinear", on="pictures")
    ext.upscaler(nearest, label="Nearest", on="pictures")
