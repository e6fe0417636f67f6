"""Text inside picture files: the A1111 `parameters` for people and our exact JSON for `replay`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from sdtoolbox.images.dialects.said import json_object
from sdtoolbox.images.exif import exif_texts
from sdtoolbox.images.opening import FORMATS, MOST_OWN_PIXELS, MOST_PIXELS, file_bytes, load, opened
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.stealth import hidden_texts
from sdtoolbox.images.video.opening import is_video, open_video

EXACT_KEY = "sdtoolbox"
PARAMETERS_KEY = "parameters"
TAGS = {EXACT_KEY: "comment", PARAMETERS_KEY: "description"}
"""The tags of a video file that hold the same."""


@dataclass(frozen=True, slots=True)
class PictureText:
    """What a picture file says about itself; None where it says nothing."""

    parameters: str | None
    exact: dict[str, Any] | None


def png_pieces(raster: Raster, parameters: str, exact: Mapping[str, Any]) -> Iterator[bytes]:
    """The picture as a PNG file with both texts, piece by piece; the same picture and texts give the same bytes."""
    return raster.png_pieces({PARAMETERS_KEY: parameters, EXACT_KEY: _written(exact)})


def png_bytes(image: Image.Image | Raster, parameters: str, exact: Mapping[str, Any]) -> bytes:
    """As `png_pieces`, in one."""
    raster = image if isinstance(image, Raster) else Raster.of(image)
    return b"".join(png_pieces(raster, parameters, exact))


def video_tags(parameters: str, exact: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a video file with both texts."""
    return {TAGS[PARAMETERS_KEY]: parameters, TAGS[EXACT_KEY]: _written(exact)}


def _written(exact: Mapping[str, Any]) -> str:
    return json.dumps(exact, sort_keys=True, ensure_ascii=False)


def read_text(source: Path | bytes) -> PictureText:
    """Both texts of a picture file: PNG text chunks, or the EXIF user comment of JPEG, WebP, TIFF and AVIF.

    Of a video its comment and its description.
    """
    texts = read_texts(source)
    exact = json_object(texts.get(EXACT_KEY))
    return PictureText(texts.get(PARAMETERS_KEY) or None, exact or None)


def read_texts(source: Path | bytes) -> dict[str, str]:
    """Every text in a picture file by the name under which it stands there, in EXIF and hidden in its pixels too.

    Of a video those that the toolbox wrote. UserError IMAGE_INVALID for what is no picture file of a kind that is read.
    """
    if is_video(source):
        return _video_texts(source)
    image = opened(file_bytes(source, MOST_OWN_PIXELS), FORMATS, MOST_OWN_PIXELS)
    small = image.width * image.height <= MOST_PIXELS
    if small:  # of what is larger, which only the toolbox makes, the texts stand before the pixels
        load(image)  # text may stand behind the pixels, and a file that is cut off says so
    texts = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    return (hidden_texts(image) if small else {}) | exif_texts(image) | texts


def _video_texts(source: Path | bytes) -> dict[str, str]:
    with open_video(source) as (container, _):
        texts = {key: container.metadata.get(tag, "") for key, tag in TAGS.items()}
    ours = EXACT_KEY in json_object(texts[EXACT_KEY])  # anybody may write a comment
    return texts if ours else {}
