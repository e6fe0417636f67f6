"""Uploads become ids; what goes out again is our own file, and only one's own server tells what lies there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.masks import read_mask
from sdtoolbox.server.answers import Answers, error_response
from sdtoolbox.server.inputs import inputs
from sdtoolbox.server.pictures import pictures
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.asgi import Answer, ask
from tests.images.pictures import noise, png16, saved, turned, wide_gamut


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        yield opened


def send(toolbox: Toolbox, path: str, body: bytes | None = None, *, shared: bool = False) -> Answer:
    app = FastAPI()
    app.include_router(pictures(toolbox))
    app.include_router(inputs(toolbox, shared=shared))
    app.add_exception_handler(UserError, lambda _, error: error_response(error))  # type: ignore[arg-type]
    headers = {"content-type": "application/json"} if path.startswith(("/select", "/measure")) else {}
    return ask(Answers(app), "GET" if body is None else "POST", path, headers, [body or b""])


def image_of(answer: Answer) -> Image.Image:
    assert answer.status == 200 and answer.headers["content-type"].startswith("image/")
    return Image.open(BytesIO(answer.body))


def test_a_file_becomes_an_id(toolbox: Toolbox) -> None:
    data = turned(Image.new("RGB", (30, 20), "teal"), 8)
    said = send(toolbox, "/uploads?name=my%20house.png", data).json()
    assert said == {"id": said["id"], "width": 30, "height": 20}
    assert toolbox.picture_path(said["id"]).read_bytes() == data
    assert [one.name for one in toolbox.inputs("picture")] == ["my house.png"]
    mask = send(toolbox, "/uploads?kind=mask", saved(Image.new("L", (30, 20)))).json()["id"]
    assert [one.id for one in toolbox.inputs("mask")] == [mask]


@pytest.mark.parametrize("body", [b"", b"<html>", b"GIF89a", saved(Image.new("L", (9, 9)))[:40]])
def test_what_is_no_picture_is_a_bad_request(toolbox: Toolbox, body: bytes) -> None:
    answer = send(toolbox, "/uploads", body)
    assert (answer.status, answer.json()["code"]) == (400, "IMAGE_INVALID")
    assert send(toolbox, "/uploads?kind=virus", saved(Image.new("L", (9, 9)))).status in (400, 422)
    assert toolbox.inputs() == []


def test_what_goes_out_is_our_own_file(toolbox: Toolbox) -> None:
    secret = b"<script>secret</script>"
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, secret.decode()
    data = saved(Image.new("RGB", (20, 30), (255, 0, 0)), "JPEG", exif=exif, icc_profile=wide_gamut()) + secret
    identity = toolbox.add_picture(data)
    shown = send(toolbox, f"/pictures/{identity}.png")
    assert secret not in shown.body and wide_gamut() not in shown.body
    with image_of(shown) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (30, 20))
        red, _, blue = image.getpixel((3, 3))  # type: ignore[misc]
        assert blue > 200 > 60 > red  # turned into sRGB
    with image_of(send(toolbox, f"/thumbnails/{identity}.jpg")) as small:
        assert (small.format, small.size) == ("JPEG", (30, 20))


def test_16_bits_and_alpha_are_shown(toolbox: Toolbox) -> None:
    bands = noise(6, 9, 4, depth=16)
    identity = toolbox.add_picture(png16(bands))
    with image_of(send(toolbox, f"/pictures/{identity}.png")) as image:
        assert image.mode == "RGBA"
        assert np.abs(np.asarray(image).astype(float) - bands / 257).max() <= 0.51
    clear = toolbox.add_picture(saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0))))
    with image_of(send(toolbox, f"/thumbnails/{clear}.jpg")) as small:
        assert small.getpixel((4, 4)) == (128, 128, 128)


def test_a_mask_is_shown_as_it_is_understood(toolbox: Toolbox) -> None:
    layer = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    layer.paste((0, 0, 0, 255), (0, 0, 4, 8))
    identity = toolbox.add_mask(saved(layer))
    with image_of(send(toolbox, f"/masks/{identity}.png")) as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), np.where(np.arange(8) < 4, 255, 0)[None].repeat(8, 0))
    assert send(toolbox, f"/masks/{'0' * 32}.png").status == 404


def test_the_list_is_empty_where_others_look(toolbox: Toolbox) -> None:
    identity = toolbox.add_picture(saved(Image.new("L", (4, 4))), "a house")
    toolbox.add_mask(saved(Image.new("L", (4, 4), 9)))
    listed = send(toolbox, "/inputs?kind=picture").json()
    assert [(one["id"], one["name"], one["kind"]) for one in listed] == [(identity, "a house", "picture")]
    assert len(send(toolbox, "/inputs").json()) == 2
    assert send(toolbox, "/inputs", shared=True).json() == []
    assert send(toolbox, "/inputs?limit=0").status in (400, 422)


def test_what_was_pointed_at_becomes_a_mask(toolbox: Toolbox) -> None:
    scene = Image.new("RGB", (60, 40), "navy")
    scene.paste((255, 200, 0), (10, 10, 30, 30))
    image = toolbox.add_picture(saved(scene))

    def asked(selector: str, **question: Any) -> Answer:
        return send(toolbox, f"/select/{selector}", json.dumps({"image": image} | question).encode())

    for selector, question in (
        ("flood", {"points": [[20, 20]], "options": {"tolerance": 10}}),
        ("grab_cut", {"box": [5, 5, 36, 36], "excluded": [[50, 5]]}),
    ):
        answer = asked(selector, **question)
        assert answer.status == 200
        mask = read_mask(toolbox.picture_path(answer.json()["id"]), (60, 40))
        assert abs(mask.sum() - 400) <= 60 and mask[20, 20] == 1
    assert len(toolbox.inputs("mask")) == 2
    for selector, question in (
        ("nothing", {"points": [[20, 20]]}),
        ("flood", {}),
        ("flood", {"points": [[60, 20]]}),
        ("flood", {"points": [[1.5, True]]}),
        ("flood", {"points": [[2, 2]], "options": {"image": "x"}}),
        ("flood", {"points": [[2, 2]], "image": "../../etc/passwd"}),
        ("flood", {"points": [[2, 2]], "path": "x"}),
    ):
        answer = asked(selector, **question)
        assert answer.status in (400, 422) and answer.json()["code"] == "PARAM_INVALID", question
    assert asked("flood", points=[[2, 2]], image="0" * 32).status == 404


def test_what_a_restoration_would_do_is_said_before_it_is_done(toolbox: Toolbox) -> None:
    rng = np.random.default_rng(0)
    image = toolbox.add_picture(saved(Image.fromarray(rng.normal(128, 20, (96, 64, 3)).clip(0, 255).astype(np.uint8))))

    def asked(task: str, **values: Any) -> Answer:
        return send(toolbox, f"/measure/{task}", json.dumps({"image": image} | values).encode())

    said = asked("denoise", stages=[{"restorer": "median"}, {"restorer": "Wavelet", "strength": 0.5}]).json()
    assert said["noise"] == pytest.approx(20, abs=2)
    assert said["jpeg_quality"] == 100
    assert said["stages"] == [{"id": "median", "name": "Median (specks)"}, {"id": "wavelet", "name": "Wavelet"}]
    assert (said["width"], said["height"]) == (64, 96)
    larger = asked("upscale", scale=3, noise=0, upscaler="lanczos").json()
    assert (larger["noise"], larger["width"], larger["height"]) == (0, 192, 288)
    assert larger["stages"] == [{"id": "lanczos", "name": "Lanczos"}]


@pytest.mark.parametrize(
    ("task", "values", "field"),
    [
        ("denoise", {"noise": 200}, "noise"),
        ("denoise", {"stages": "nonsense"}, "stages"),
        ("upscale", {"scale": 16, "width": 60_000, "height": 60_000}, "scale"),
        ("denoise", {"image": None}, "image"),
        ("erase", {}, "task"),
        ("nothing", {}, None),
    ],
)
def test_a_restoration_that_cannot_be_is_said_at_its_field(
    toolbox: Toolbox, task: str, values: dict[str, Any], field: str | None
) -> None:
    image = toolbox.add_picture(saved(Image.new("RGB", (40, 30))))
    answer = send(toolbox, f"/measure/{task}", json.dumps({"image": image} | values).encode())
    assert 400 <= answer.status < 500
    assert answer.json()["field"] == field
