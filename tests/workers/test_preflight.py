"""What a request is likely to take is what such requests took here before, and nothing where there was none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.jobs.loaded import Loaded
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.workers.history import Cost, History
from sdtoolbox.workers.preflight import Preflight, preflight
from tests.workers.test_history import request

COSTS = {"encoding": Cost(1, 2), "sampling": Cost(0.5, 1), "decoding": Cost(0.001, 4096), "saving": Cost(0.25, 1)}


@pytest.fixture
def timings(tmp_path: Path) -> Timings:
    return Timings(Database(tmp_path / "a.sqlite3"))


def measured(timings: Timings, device: str = "cpu", seconds: float = 0.5, memory: int = 3_000_000) -> None:
    past = History(timings, request(), device)
    past.remember(COSTS | {"sampling": Cost(seconds, 1)})
    past.remember_memory(memory)


def test_nothing_is_said_where_nothing_was_measured(timings: Timings) -> None:
    assert preflight(timings, [], request()) == Preflight()
    measured(timings)
    assert preflight(timings, [], request(checkpoint="d")) == Preflight()
    assert preflight(timings, [], request(sampler="heun")) == Preflight()


def test_all_stages_of_all_batches_count(timings: Timings) -> None:
    measured(timings)
    once = preflight(timings, [], request(steps=10))
    assert once.seconds == pytest.approx(2 + 10 * 0.5 + 4.096 + 0.25)
    thrice = preflight(timings, [], request(steps=10, batch_count=3))
    assert thrice.seconds == pytest.approx(2 + 3 * (10 * 0.5 + 4.096 + 0.25))


def test_memory_is_said_for_the_size_it_was_measured_at(timings: Timings) -> None:
    measured(timings)
    assert preflight(timings, [], request(steps=50)).memory == 3_000_000
    other = preflight(timings, [], request(width=128))
    assert other.memory is None and other.seconds is not None


def test_memory_that_nobody_knows_is_not_kept(timings: Timings) -> None:
    measured(timings, memory=0)
    assert preflight(timings, [], request()).memory is None


def test_of_two_devices_the_one_at_work_counts(timings: Timings) -> None:
    measured(timings, "cpu", seconds=5)
    measured(timings, "cuda:0", seconds=0.1)
    held = Loaded("w", "cpu", "c", "c", 1, False)
    slow, quick = preflight(timings, [held], request()), preflight(timings, [], request())
    assert slow.seconds is not None and quick.seconds is not None and slow.seconds > quick.seconds
