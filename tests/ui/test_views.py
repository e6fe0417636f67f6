"""What the page hears of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.schema.results import Picture
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import views
from sdtoolbox.ui.i18n import Texts
from tests.web import write_checkpoints


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    write_checkpoints(tmp_path / "models")
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        yield opened


def png(size: tuple[int, int], color: str = "red") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def submit(toolbox: Toolbox, prompt: str, client: str = "me") -> str:
    return toolbox.submit(Txt2Img(prompt=prompt), client)


def test_a_browser_sees_its_own_jobs_the_newest_first_and_everybodys_queue(toolbox: Toolbox) -> None:
    for prompt, client in (("one", "me"), ("two", "you"), ("three", "me")):
        submit(toolbox, prompt, client)
    (mine,) = views.desks(toolbox, Texts(), "me", ["txt2img"])
    assert [job["prompt"] for job in mine["jobs"]] == ["three", "one"]
    queue = views.queue(toolbox)["jobs"]
    assert [(job["prompt"], job["position"]) for job in queue] == [("one", 0), ("two", 1), ("three", 2)]
    assert views.desks(toolbox, Texts(), "me", ["other task"]) == [{"ready": True, "jobs": []}]


def test_on_a_shared_server_the_jobs_of_others_are_only_counted(toolbox: Toolbox) -> None:
    mine = submit(toolbox, "mine", "me")
    submit(toolbox, "a secret", "you")
    first, second = views.queue(toolbox, "me", shared=True)["jobs"]
    assert (first["id"], first["prompt"]) == (mine, "mine")
    assert (second["id"], second["prompt"], second["number"]) == ("", "", 2)


def test_waiting_jobs_are_estimated_from_the_running_one(toolbox: Toolbox) -> None:
    submit(toolbox, "running")
    toolbox.submit(Txt2Img(prompt="twice as long", batch_count=2))
    assert [job["eta"] for job in views.queue(toolbox)["jobs"]] == [None, None]
    job = toolbox.queue.claim("worker")
    assert job is not None
    Holding(toolbox.queue, job, "worker").publish({"stage": "sampling", "fraction": 0.5, "eta_seconds": 4.0})
    assert [job["eta"] for job in views.queue(toolbox)["jobs"]] == [4.0, 20.0]


def test_what_is_sent_is_small_json_without_paths(toolbox: Toolbox) -> None:
    submit(toolbox, "x" * 50_000)
    sent = json.dumps([views.queue(toolbox), views.desks(toolbox, Texts(), "me", ["txt2img"])])
    assert len(sent) < 3000
    assert str(toolbox.settings.home) not in sent


def test_a_part_of_a_picture_says_which_and_a_map_of_differences_what_it_is(toolbox: Toolbox) -> None:
    image = toolbox.add_picture(png((64, 48)))
    job_id = toolbox.submit(Denoise(image=image, noise=0, jpeg_quality=100, window=(0, 8, 32, 40)), "me")
    card = views.card(toolbox.job(job_id), toolbox.event(job_id), Texts())
    assert card["before"]["window"] == [0, 8, 32, 40]
    assert card["task"] == "denoise"
    request = {"difference_map": True}
    known: dict[str, Any] = {"seed": 0, "width": 8, "height": 8, "request": request, "file": "x.png"}
    pictures = [Picture(id=f"{i}" * 32, index=i, measured={"psnr": 31.5}, **known) for i in (0, 1)]
    assert [views._picture(one)["difference"] for one in pictures] == [False, True]
    assert views._picture(pictures[0])["measured"] == {"psnr": 31.5}


def test_a_failed_job_says_why_in_the_pages_language(toolbox: Toolbox) -> None:
    submit(toolbox, "a house")
    job = toolbox.queue.claim("worker")
    assert job is not None
    Holding(toolbox.queue, job, "worker").fail(
        UserError("OUT_OF_MEMORY", "the picture is too large.", "Make it smaller.")
    )
    (desk,) = views.desks(toolbox, Texts("zh-CN"), "me", ["txt2img"])
    assert desk["jobs"][0]["error"] == {"title": "内存不足。", "text": "The picture is too large. Make it smaller."}


def test_a_job_with_a_picture_says_what_it_was_made_of(toolbox: Toolbox) -> None:
    image = toolbox.add_picture(png((64, 64)))
    mask = toolbox.add_mask(png((64, 64), "white"))
    request = Inpaint(image=image, mask=mask, outpaint_left=16, outpaint_bottom=8)
    job_id = toolbox.submit(request, "me")
    card = views.card(toolbox.job(job_id), toolbox.event(job_id), Texts())
    assert card["before"] == {"image": image, "mask": mask, "margins": [16, 0, 0, 8]}
    assert card["warnings"] == []
    plain = submit(toolbox, "a house")
    assert views.card(toolbox.job(plain), toolbox.event(plain), Texts())["before"] is None


def test_a_preview_is_offered_only_while_the_job_runs(toolbox: Toolbox) -> None:
    job_id = submit(toolbox, "a house")
    job = toolbox.queue.claim("worker")
    assert job is not None
    holding = Holding(toolbox.queue, job, "worker")
    holding.publish({"stage": "sampling", "step": 3, "steps": 8}, preview=b"jpeg")
    card = views.card(toolbox.job(job_id), toolbox.event(job_id), Texts())
    assert card["preview"] > 0
    assert (card["stage"], card["step"], card["steps"]) == ("sampling", 3, 8)
    holding.cancelled()
    assert views.card(toolbox.job(job_id), toolbox.event(job_id), Texts())["preview"] == 0
