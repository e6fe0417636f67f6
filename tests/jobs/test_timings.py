"""A mean that follows what is measured, and is found by the beginning of its name."""

from __future__ import annotations

import pytest

from sdtoolbox.jobs.queue import Queue
from sdtoolbox.jobs.timings import Timings


def test_the_first_measurement_counts_whole_then_the_mean_follows(queue: Queue) -> None:
    timings = Timings(queue.database)
    timings.remember({"a|sampling": 1.0})
    assert timings.recall("a|") == {"sampling": 1.0}
    timings.remember({"a|sampling": 2.0})
    assert timings.recall("a|")["sampling"] == pytest.approx(1.3)
    for _ in range(20):
        timings.remember({"a|sampling": 2.0})
    assert timings.recall("a|")["sampling"] == pytest.approx(2.0, abs=0.01)


def test_only_keys_that_begin_so_are_recalled(queue: Queue) -> None:
    timings = Timings(queue.database)
    timings.remember({"100%|x": 1.0, "100_|x": 2.0, "b": 3.0})
    assert timings.recall("100%|") == {"x": 1.0}
    timings.remember({})
    assert timings.recall("nothing") == {}
