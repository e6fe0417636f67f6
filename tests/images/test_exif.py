"""Text in EXIF, in every encoding and place that programs use."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import ExifTags, Image, features

from sdtoolbox.images.metadata import read_texts

WORDS = "a 猫 in snow\nSteps: 5"
FORMATS = ["JPEG", "WEBP", *(["AVIF"] if features.check("avif") else [])]


def saved(exif: Image.Exif, format: str = "JPEG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, format, exif=exif.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + WORDS.encode("utf-16-be"),
        b"UNICODE\0" + WORDS.encode("utf-16-le"),
        b"UNICODE\0" + WORDS.encode("utf-16"),
        b"\0" * 8 + WORDS.encode(),
        WORDS.encode(),
    ],
    ids=["big", "little", "marked", "undefined", "bare"],
)
def test_user_comments(format: str, comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    assert read_texts(saved(exif, format))["parameters"] == WORDS


def test_plain_ascii() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0a cat\0"
    assert read_texts(saved(exif))["parameters"] == "a cat"


def test_what_fooocus_and_comfyui_put_elsewhere() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.UserComment] = '{"base_model": "a"}'
    exif[ExifTags.Base.MakerNote] = "fooocus"
    exif[ExifTags.Base.Make] = 'workflow:{"nodes": []}'
    exif[ExifTags.Base.Model] = 'prompt:{"1": {}}'
    texts = read_texts(saved(exif, "WEBP"))
    assert texts["parameters"] == '{"base_model": "a"}'
    assert texts["fooocus_scheme"] == "fooocus"
    assert (texts["workflow"], texts["prompt"]) == ('{"nodes": []}', '{"1": {}}')


def test_a_cameras_words_are_no_graph() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker: of cameras"
    assert read_texts(saved(exif)) == {}
