"""Pictures by id: whole, small, as text; nothing else can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_bytes
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.server.pictures import THUMBNAIL, pictures
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.asgi import Answer, ask
from tests.images.videos import moving, video


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        yield opened


@pytest.fixture
def picture_id(toolbox: Toolbox) -> str:
    data = png_bytes(Image.new("RGB", (600, 300), "#336699"), "a <b>house</b>\nSteps: 8", {})
    stored = toolbox.store.write([data], width=600, height=300, request={}, stem="1")
    with toolbox.database.transaction() as connection:
        toolbox.store.index(connection, stored)
    return stored.id


def get(toolbox: Toolbox, path: str, headers: dict[str, str] | None = None) -> Answer:
    app = FastAPI()
    app.include_router(pictures(toolbox))
    return ask(app, path=path, headers=headers)


def test_the_file_comes_byte_for_byte_and_may_be_kept_forever(toolbox: Toolbox, picture_id: str) -> None:
    answer = get(toolbox, f"/pictures/{picture_id}.png")
    assert answer.body == toolbox.picture_path(picture_id).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]


def test_the_small_one_is_small_and_says_nothing(toolbox: Toolbox, picture_id: str) -> None:
    answer = get(toolbox, f"/thumbnails/{picture_id}.jpg")
    with Image.open(BytesIO(answer.body)) as image:
        assert image.format == "JPEG"
        assert image.size == (THUMBNAIL, THUMBNAIL // 2)
    assert b"house" not in answer.body


def test_the_text_is_text_whatever_it_holds(toolbox: Toolbox, picture_id: str) -> None:
    answer = get(toolbox, f"/pictures/{picture_id}.txt")
    assert answer.body == b"a <b>house</b>\nSteps: 8"
    assert answer.headers["content-type"].startswith("text/plain")


def test_what_is_dropped_is_read(toolbox: Toolbox, picture_id: str) -> None:
    app = FastAPI()
    app.include_router(pictures(toolbox))
    text = "a tree\nSteps: 5, Sampler: Euler a, CFG scale: 4, Seed: 3, Size: 64x64, Wonder: yes"
    said = json.loads(ask(app, "POST", "/recall/txt2img", {"content-type": "text/plain"}, [text.encode()]).body)
    assert said["values"]["sampler"] == "euler_ancestral"
    assert said["unknown"] == {"Wonder": "yes"}
    data = toolbox.picture_path(picture_id).read_bytes()
    assert json.loads(ask(app, "POST", "/recall/txt2img", {}, [data]).body)["values"]["prompt"].startswith("a <b>house")


def test_a_picture_that_is_here_is_read_where_it_lies(toolbox: Toolbox, picture_id: str) -> None:
    app = FastAPI()
    app.include_router(pictures(toolbox))
    said = json.loads(ask(app, "POST", f"/recall/txt2img?picture={picture_id}").body)
    assert said["values"]["prompt"].startswith("a <b>house")
    with pytest.raises(UserError, match="no picture"):
        ask(app, "POST", "/recall/txt2img?picture=..%2F..%2Fetc%2Fpasswd")


def test_a_preview_that_is_gone_is_nothing_and_no_error(toolbox: Toolbox) -> None:
    job = toolbox.submit(Txt2Img(prompt="a house"))
    answer = get(toolbox, f"/previews/{job}.jpg")
    assert (answer.status, answer.body) == (204, b"")
    with pytest.raises(UserError, match="no job"):
        get(toolbox, "/previews/0123456789abcdef.jpg")


def test_a_view_of_a_large_picture_is_the_one_that_was_kept(toolbox: Toolbox, picture_id: str) -> None:
    made = get(toolbox, f"/views/{picture_id}.jpg")
    with Image.open(BytesIO(made.body)) as image:
        assert (image.format, image.size) == ("JPEG", (600, 300))
    buffer = BytesIO()
    Image.new("RGB", (60, 30), "red").save(buffer, "JPEG")
    toolbox.store.add_view(picture_id, buffer.getvalue())
    assert get(toolbox, f"/views/{picture_id}.jpg").body == buffer.getvalue()
    with Image.open(BytesIO(get(toolbox, f"/thumbnails/{picture_id}.jpg").body)) as small:
        assert small.size == (60, 30), "thumbnails are made of it, not of the file"


@pytest.fixture
def video_id(toolbox: Toolbox) -> str:
    clip = toolbox.add_picture(video(moving(6)))
    return toolbox.run("denoise", image=clip, noise=0, jpeg_quality=100, stages=["median"]).pictures[0].id


def test_a_video_comes_in_the_parts_that_are_asked_for(toolbox: Toolbox, video_id: str) -> None:
    whole = get(toolbox, f"/videos/{video_id}.mp4")
    assert whole.body == toolbox.picture_path(video_id).read_bytes()
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("video/mp4", "bytes")
    part = get(toolbox, f"/videos/{video_id}.mp4", {"range": "bytes=100-199"})
    assert part.status == 206 and part.body == whole.body[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.body)}"


def test_a_video_is_seen_by_its_first_frame(toolbox: Toolbox, video_id: str) -> None:
    for path, format in ((f"/pictures/{video_id}.png", "PNG"), (f"/views/{video_id}.jpg", "JPEG")):
        with Image.open(BytesIO(get(toolbox, path).body)) as image:
            assert (image.format, image.size) == (format, (64, 48))
    with Image.open(BytesIO(get(toolbox, f"/thumbnails/{video_id}.jpg").body)) as image:
        assert image.size == (64, 48)
    assert b"Restore stages" in get(toolbox, f"/pictures/{video_id}.txt").body


def test_what_somebody_brought_is_seen_and_not_served(toolbox: Toolbox, picture_id: str) -> None:
    clip = toolbox.add_picture(video(moving(2), sound=""))
    with Image.open(BytesIO(get(toolbox, f"/pictures/{clip}.png").body)) as image:
        assert (image.format, image.size) == ("PNG", (64, 48))
    for identity in (clip, picture_id, "0" * 32):
        with pytest.raises(UserError) as caught:
            get(toolbox, f"/videos/{identity}.mp4")
        assert caught.value.code == "IMAGE_INVALID"
