"""Calling a function that may never come to an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any


def limited(function: Callable[..., Any], given: tuple[Any, ...], seconds: float) -> Any:
    """What the function returns or raises; TimeoutError if it takes longer than `seconds`.

    It runs in a thread of its own. One that takes longer goes on there: nothing can stop it but the end of the process.
    """
    ended: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((function(*given), None))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            ended.put((None, error))

    threading.Thread(target=run, name="limited", daemon=True).start()
    try:
        returned, error = ended.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"it takes longer than {seconds:g} s") from None
    if error is not None:
        raise error
    return returned
