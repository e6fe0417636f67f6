"""Texts in picture files come back as they went in, from every format."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_bytes, read_text

IMAGE = Image.new("RGB", (8, 6), (10, 200, 30))


@pytest.mark.parametrize("text", ["plain", "ümlaut", "红色的房子\nSteps: 3, Seed: 1"])
def test_png_round_trip(text: str) -> None:
    found = read_text(png_bytes(IMAGE, text, {"request": {"prompt": text}, "seed": 2**53 - 1}))
    assert found.parameters == text
    assert found.exact == {"request": {"prompt": text}, "seed": 2**53 - 1}


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert png_bytes(IMAGE, "a", {"b": 1, "a": 2}) == png_bytes(IMAGE.copy(), "a", {"a": 2, "b": 1})


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_user_comment_of_other_formats(format: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + "a 猫".encode("utf-16-be")
    buffer = BytesIO()
    IMAGE.save(buffer, format, exif=exif)
    assert read_text(buffer.getvalue()).parameters == "a 猫"
    assert read_text(buffer.getvalue()).exact is None


def test_a_picture_without_text_says_nothing(tmp_path: Path) -> None:
    IMAGE.save(tmp_path / "a.png")
    found = read_text(tmp_path / "a.png")
    assert (found.parameters, found.exact) == (None, None)


@pytest.mark.parametrize("data", [b"", b"<html>", png_bytes(IMAGE, "a", {})[:60], b"GIF89a" + b"\0" * 50])
def test_what_is_no_picture_is_said_in_words(data: bytes) -> None:
    with pytest.raises(UserError, match="not a picture") as caught:
        read_text(data)
    assert caught.value.code == "IMAGE_INVALID"


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^gone\.png cannot be read") as caught:
        read_text(tmp_path / "gone.png")
    assert str(tmp_path) not in str(caught.value)


def test_broken_exact_json_is_no_exact_json() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("sdtoolbox", "[" * 100_000)
    buffer = BytesIO()
    IMAGE.save(buffer, "PNG", pnginfo=info)
    assert read_text(buffer.getvalue()).exact is None
