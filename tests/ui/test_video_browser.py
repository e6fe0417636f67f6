"""A video in the browser and from Gradio's client: given as a picture is, measured, made, and played."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.images.videos import moving, packets, times, video
from tests.ui.conftest import visit
from tests.ui.pictures import jobs, open_tab, value
from tests.web import Web, serve

FIELD = "#denoise-image .sd-field"
PLAYER = ".sd-video:visible"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the real tasks."""
    with serve(tmp_path_factory.mktemp("home"), test_engine="") as running:
        yield running


@pytest.fixture
def page(web: Web, chromium: Any) -> Iterator[Any]:
    page = visit(web, chromium)
    page.context.set_default_timeout(180_000)  # the first job loads torch, perhaps on a busy machine
    yield page
    assert page.failures == []
    page.context.close()


@pytest.fixture(scope="module")
def clip() -> dict[str, Any]:
    """As a browser's file input takes it; large enough for the frame of a preview to make sense on a picture."""
    return {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": video(moving(24, 384, 288))}


@pytest.mark.browser
def test_a_video_is_given_made_and_played(page: Any, web: Web, clip: dict[str, Any]) -> None:
    open_tab(page, "denoise")
    assert ".mp4" in str(page.get_attribute("#denoise-image-input", "accept"))
    page.set_input_files("#denoise-image-input", files=[clip])
    page.locator("#denoise-image .sd-given-size", has_text="384 × 288").wait_for()
    page.fill("#denoise-noise .sd-input", "0")
    page.fill("#denoise-jpeg_quality .sd-input", "100")
    page.locator(".sd-measured:visible", has_text="video of 24 frames").wait_for()
    page.locator(".sd-window:visible").wait_for(state="hidden")
    page.click("#denoise-generate")
    page.locator(PLAYER).wait_for()
    page.wait_for_function(
        "(at) => [...document.querySelectorAll('.sd-video')].some((one) => one.readyState >= 1 && one.duration > 0.9)",
        arg=PLAYER,
    )
    player = page.locator(PLAYER)
    assert player.evaluate("(one) => [one.videoWidth, one.videoHeight]") == [384, 288]
    player.evaluate("(one) => { one.muted = true; one.currentTime = 0.5; return one.play(); }")
    page.wait_for_function("() => [...document.querySelectorAll('.sd-video')].some((one) => one.currentTime > 0.6)")
    assert page.locator(".sd-compare:visible").count() == 0 and page.locator(".sd-picture:visible").count() == 0
    assert page.locator(".sd-panel:visible .sd-tile img").evaluate("(one) => one.naturalWidth") > 0
    request = jobs(web, "denoise")[-1]
    assert request["frames"] == 24 and request["image"] == value(page, "denoise-image")
    for link in page.locator(".sd-tools a:visible").all():
        assert str(link.get_attribute("href")).startswith("videos/")
    assert "Only a part" not in page.inner_text(".sd-panel:visible")
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/video.png")


@pytest.mark.browser
def test_the_size_of_a_larger_video_is_said_before(page: Any, clip: dict[str, Any]) -> None:
    open_tab(page, "upscale")
    page.set_input_files("#upscale-image-input", files=[clip])
    page.locator(".sd-measured:visible", has_text="→ 768×576").wait_for()
    open_tab(page, "img2img")
    assert ".mp4" not in str(page.get_attribute("#img2img-image-input", "accept"))


@pytest.mark.browser
def test_what_is_no_video_is_said_at_the_field(page: Any) -> None:
    open_tab(page, "denoise")
    playlist = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"}
    page.set_input_files("#denoise-image-input", files=[playlist])
    page.locator("#denoise-image .sd-problem", has_text="not a picture that can be read").wait_for()
    assert value(page, "denoise-image") == ""


def test_gradios_client_gives_a_video_and_gets_one(web: Web, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(web.url, verbose=False, download_files=str(tmp_path / "got"), analytics_enabled=False)

    clip = tmp_path / "in.mp4"
    clip.write_bytes(video(moving(12)))
    given = {"stages": ["median"], "noise": 0, "jpeg_quality": 100, "api_name": "/denoise"}
    (file,), result = client.predict(image=handle_file(str(clip)), **given)
    data = Path(file).read_bytes()
    assert Path(file).suffix == ".mp4" and len(times(data)) == 12 and packets(data) == packets(clip.read_bytes())
    assert (result["pictures"][0]["media"], result["request"]["frames"]) == ("video/mp4", 12)
    answer = httpx.get(f"{web.url}/videos/{result['pictures'][0]['id']}.mp4", headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, data[:10])
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("video/mp4", "nosniff")
