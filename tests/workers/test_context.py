"""Events often enough to watch and seldom enough not to matter; previews small; cancels at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from sdtoolbox.errors import Cancelled
from sdtoolbox.jobs.holding import JobLostError
from sdtoolbox.workers.context import JobContext


class Listener:
    """A holding that notes what is published, a queue that is asked, a progress that says little."""

    def __init__(self) -> None:
        self.job = SimpleNamespace(id="1", warnings=[])
        self.published: list[tuple[dict[str, Any], bytes | None]] = []
        self.asked = 0
        self.wants_to_cancel = False

    def publish(self, changes: dict[str, Any], preview: bytes | None = None) -> None:
        self.published.append((changes, preview))

    def cancel_requested(self, job_id: str) -> bool:
        self.asked += 1
        return self.wants_to_cancel

    def pictures(self, job_id: str) -> list[str]:
        return []

    def event(self) -> dict[str, Any]:
        return {}

    def stage(self, *_: Any) -> None: ...

    step = stage


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def ctx(listener: Listener) -> JobContext:
    parts: Any = SimpleNamespace(registries=None, queue=listener, catalog=[], store=None)
    heard: Any = listener
    return JobContext(parts, heard, heard, heard, Flag())


def test_stages_are_told_at_once_and_steps_a_few_times_a_second(ctx: JobContext, listener: Listener) -> None:
    for _ in range(3):
        ctx.stage("sampling")
    assert len(listener.published) == 3
    began = time.monotonic()
    while time.monotonic() - began < 0.7:
        ctx.step(0.5)
    assert len(listener.published) == 5


def test_the_disk_is_not_asked_at_every_step(ctx: JobContext, listener: Listener) -> None:
    for _ in range(1000):
        ctx.check_cancelled()
    assert 1 <= listener.asked < 10


def test_a_cancel_is_heard_after_fifty_milliseconds_at_the_latest(ctx: JobContext, listener: Listener) -> None:
    ctx.check_cancelled()
    listener.wants_to_cancel = True
    time.sleep(0.05)
    with pytest.raises(Cancelled):
        ctx.step(0.5)


def test_previews_are_small_jpegs_at_most_three_a_second(ctx: JobContext, listener: Listener) -> None:
    assert ctx.wants_preview()
    for _ in range(5):
        ctx.preview(Image.new("RGBA", (1024, 512), "red"))
    assert not ctx.wants_preview()
    ((_, preview),) = listener.published
    with Image.open(BytesIO(preview or b"")) as image:
        assert (image.format, image.size) == ("JPEG", (256, 128))


def test_a_lost_job_stops_at_the_next_look(listener: Listener) -> None:
    lost = Flag()
    parts: Any = SimpleNamespace(registries=None, queue=listener, catalog=[], store=None)
    heard: Any = listener
    ctx = JobContext(parts, heard, heard, heard, lost)
    lost.set()
    with pytest.raises(JobLostError):
        ctx.check_cancelled()


def test_a_second_attempt_replaces_the_pictures_of_the_first(ctx: JobContext, listener: Listener) -> None:
    ctx.finished = ["a", "b"]
    ctx.picture_saved(0, "a")
    ctx.picture_saved(1, "c")
    ctx.picture_saved(2, "d")
    assert listener.published[-1][0]["finished"] == ["a", "c", "d"]


def test_a_network_that_erases_is_leased_for_each_call_and_named_in_the_result(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased: list[str] = []

    class Network:
        environment = {"networks": [{"name": "lama"}]}  # noqa: RUF012

        def __call__(self, pixels: Any, mask: Any) -> Any:
            assert leased == ["lama"]
            return pixels

    @contextmanager
    def eraser(identity: str, on_loading: Any) -> Iterator[Network]:
        leased.append(identity)
        on_loading()
        yield Network()
        leased.remove(identity)

    monkeypatch.setattr(ctx, "_models", SimpleNamespace(eraser=eraser))
    erase: Any = ctx.eraser("lama")
    assert (leased, ctx.environment) == ([], {})
    assert erase("pixels", "mask") == "pixels"
    assert (leased, ctx.environment) == ([], {"networks": [{"name": "lama"}]})
