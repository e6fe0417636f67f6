"""Pictures from strangers: what may be opened, how large it may be, and what is said of all else."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image, features

from sdtoolbox.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", *(["AVIF"] if features.check("avif") else []))
NAMES = "PNG, JPEG, WebP, TIFF, BMP or GIF" if "AVIF" not in FORMATS else "PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
"""How such files are called."""
LARGEST_FILE = 256 * 2**20
MOST_PIXELS = 120_000_000
MOST_OWN_PIXELS = 320_000_000
"""Of a result, which is read again to be looked at or compared: 16,000 x 16,000, and a little more."""
Image.MAX_IMAGE_PIXELS = (
    MOST_OWN_PIXELS // 2
)  # Pillow gives up at twice as many; what strangers may send is checked here
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, MemoryError),
    *(KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError, RuntimeError),  # of bent TIFF files
    Image.DecompressionBombError,
)


def open_picture(source: Path | bytes) -> Image.Image:
    """The picture in a file of one of `FORMATS`, decoded; of several frames the first.

    As it lies in the file: not turned as its EXIF says, in the file's own mode and profile. UserError IMAGE_INVALID in
    words for all that is no such file, IMAGE_TOO_LARGE for one beyond the limits.
    """
    image = opened(file_bytes(source), FORMATS)
    load(image)
    return image


def opened(data: bytes, formats: tuple[str, ...], most: int = MOST_PIXELS) -> Image.Image:
    """The picture in these bytes with only its header read; UserError as `open_picture`.

    `most` pixels may be in it: those of the toolbox's own results are more than a stranger may send.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is the one that counts, and bent tags are no news
            image = Image.open(BytesIO(data), formats=formats)
    except Image.DecompressionBombError:  # so far beyond the limit that Pillow itself gives up
        raise _too_large("too many") from None
    except UNREADABLE as error:
        raise unreadable(error) from None
    if image.width * image.height > most:
        raise _too_large(f"{image.width}x{image.height}")
    return image


def _too_large(pixels: str) -> UserError:
    said = f"At most {MOST_PIXELS // 10**6} million can be read."
    return UserError("IMAGE_TOO_LARGE", f"the picture has {pixels} pixels.", said)


def load(image: Image.Image) -> None:
    """Decode a picture that was opened; UserError IMAGE_INVALID if its data are cut or bent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except UNREADABLE as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> UserError:
    """What is said of a file that some decoder gave up on."""
    said = f"this is not a picture that can be read ({type(error).__name__})."
    return UserError("IMAGE_INVALID", said, f"Use {NAMES}.")


def file_bytes(source: Path | bytes, most: int = MOST_PIXELS) -> bytes:
    """The bytes of a file, or those given; UserError for a file that is missing or too large, without its folder.

    A file of more than `MOST_PIXELS` pixels, if so `most` are allowed, may be larger too.
    """
    if isinstance(source, bytes):
        return source
    try:
        if source.stat().st_size > LARGEST_FILE * max(1, -(-most // MOST_PIXELS)):
            raise UserError("IMAGE_TOO_LARGE", f"{source.name} is larger than 256 MB.", "Use a smaller file.")
        return source.read_bytes()
    except OSError as error:
        raise UserError(
            "IMAGE_INVALID", f"{source.name} cannot be read: {error.strerror}.", "Check the name."
        ) from None
