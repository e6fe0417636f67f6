"""The moments at which extensions may have a say in every job, and what their functions are given there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args

from sdtoolbox.registered import HookEvent

EVENTS: tuple[HookEvent, ...] = get_args(HookEvent)
GIVEN: Mapping[HookEvent, tuple[str, ...]] = {
    "request": ("request",),
    "picture": ("image", "request"),
    "done": ("job",),
}
"""What a hook is called with: a request, a picture and the request that drew it, a job that has ended."""


def check_hook(event: str, function: Callable[..., Any]) -> None:
    """ValueError for an event that there is not, TypeError for a function that does not take what it is given."""
    if event not in EVENTS:
        raise ValueError(f"there is no hook {event!r}; there are {', '.join(EVENTS)}")
    given = GIVEN[event]
    try:
        inspect.signature(function).bind(*given)
    except TypeError:
        raise TypeError(f"hook {function.__name__} does not take ({', '.join(given)})") from None
