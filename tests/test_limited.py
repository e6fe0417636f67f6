"""A function's answer or error comes back, and nobody waits for one that takes too long."""

from __future__ import annotations

import threading
import time

import pytest

from sdtoolbox.limited import limited


def test_what_it_returns_or_raises_comes_back() -> None:
    assert limited(divmod, (17, 5), 10) == (3, 2)
    with pytest.raises(ZeroDivisionError):
        limited(divmod, (1, 0), 10)
    with pytest.raises(SystemExit):
        limited(exit, (), 10)


def test_nobody_waits_for_what_takes_too_long() -> None:
    go_on = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"longer than 0.05 s"):
        limited(go_on.wait, (10,), 0.05)
    assert time.monotonic() - began < 5
    go_on.set()
