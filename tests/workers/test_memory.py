"""A worker shows what it holds and drops what somebody wants dropped, whatever the disk does meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from sdtoolbox.jobs.loaded import LoadedModels
from sdtoolbox.models.held import Held
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers import memory
from sdtoolbox.workers.child import Child
from sdtoolbox.workers.inline import InlineWorker
from sdtoolbox.workers.memory import MemoryList
from tests.workers.conftest import Submit
from tests.workers.test_process import until


class Models:
    """An engine with nothing but a list."""

    def __init__(self) -> None:
        self.held = [Held("m", "model", 1, leased=False)]
        self.on_change: Callable[[], None] = lambda: None

    def loaded(self) -> list[Held]:
        """The list."""
        return self.held

    def watch_memory(self) -> Callable[[], int]:
        """Nobody knows."""
        return lambda: 0

    def unload(self, model_id: str) -> None:
        """Take it off the list."""
        self.held = [one for one in self.held if one.model_id != model_id]
        self.on_change()


class Table:
    """A table that counts, and that cannot be written while `broken`."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.wanted: list[str] = []
        self.looks = 0
        self.broken = False

    def publish(self, worker_id: str, held: list[Held]) -> None:
        """Note the ids."""
        if self.broken:
            raise sqlite3.OperationalError("database is locked")
        self.written.append([one.model_id for one in held])

    def wanted_unloads(self, worker_id: str) -> list[str]:
        """What the test wants."""
        self.looks += 1
        return self.wanted


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def shown(table: Table, models: Models) -> MemoryList:
    found = MemoryList(table, "worker/1", models)  # type: ignore[arg-type]
    models.on_change = found.publish
    return found


def test_only_changes_are_written(table: Table, models: Models, shown: MemoryList) -> None:
    shown.publish()
    shown.publish()
    models.held = [*models.held, Held("a", "other", 1, leased=True)]
    shown.publish()
    models.held.reverse()  # another order is no news
    shown.publish()
    assert table.written == [["m"], ["a", "m"]]


def test_a_locked_database_fails_no_job_and_is_told_later(
    table: Table, shown: MemoryList, caplog: pytest.LogCaptureFixture
) -> None:
    table.broken = True
    shown.publish()
    assert "out of date" in caplog.text
    table.broken = False
    shown.publish()
    assert table.written == [["m"]]


def test_what_is_wanted_gone_goes_and_is_said(table: Table, shown: MemoryList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SECONDS_BETWEEN_LOOKS", 3600.0)
    shown.publish()
    table.wanted = ["m"]
    shown.obey()
    shown.obey()
    assert table.written == [["m"], []]
    assert table.looks == 1, "an idle worker asks twenty times a second; the database is asked less"


def test_a_worker_process_shows_and_unloads(toolbox: Toolbox, submit: Submit) -> None:
    child = Child(toolbox.settings, "worker-1")
    table = LoadedModels(toolbox.database)
    try:
        job_id = submit("slow", steps=60)
        until(lambda: [row.leased for row in table.list()] == [True])
        (row,) = table.list()
        assert (row.worker_id, row.device, row.name, row.bytes) == (child.id, "fake", "fake", 1000)
        until(lambda: toolbox.job(job_id).state == "done")
        until(lambda: [row.leased for row in table.list()] == [False])
        assert table.request_unload(row.model_id)
        until(lambda: table.list() == [])
    finally:
        child.ask_to_leave()
        child.wait(5)
        child.death()
    assert table.list() == []


def test_an_inline_worker_unloads_while_it_waits(toolbox: Toolbox) -> None:
    table = LoadedModels(toolbox.database)
    inline = InlineWorker(toolbox._parts)
    try:
        request = toolbox.resolve(toolbox.parse("txt2img", {"checkpoint": "fake"}))
        toolbox.queue.submit(request, reserved_for=inline.id)
        assert inline.start().result() == "done"
        (row,) = table.list()
        assert row.worker_id == inline.id and not row.leased
        table.request_unload(row.model_id)
        until(lambda: table.list() == [])
    finally:
        inline.close()
