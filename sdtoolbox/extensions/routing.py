"""The addresses that extensions may answer at: `/extensions/<name of the extension>/<path>`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTE_NEEDS = ("toolbox", "shared")
"""What a route is given besides the parameters of its address, if it names it: see `registered.RouteInfo`."""
PARAMETER = re.compile(r"\{([^{}]*)\}")
PIECE = re.compile(r"[A-Za-z0-9._-]+|\{[a-z][a-z0-9_]*\}")


def check_route(path: str, function: Callable[..., Any], methods: Sequence[str]) -> None:
    """ValueError for a path or a method that cannot be, TypeError for a parameter that the function does not take."""
    pieces = path.split("/") if path else []
    if any(not PIECE.fullmatch(one) or one in (".", "..") for one in pieces):
        raise ValueError(
            f"the path {path!r} of a route is no address: it begins and ends without '/', and is of letters, digits, "
            "'.', '_', '-' and {parameters}"
        )
    if isinstance(methods, str) or not methods or not set(methods) <= set(METHODS):
        raise ValueError(f"the methods of a route are a list of {', '.join(METHODS)}, not {methods!r}")
    taken = inspect.signature(function).parameters
    named = PARAMETER.findall(path)
    if missing := [name for name in named if name not in taken or name in (*ROUTE_NEEDS, "request")]:
        raise TypeError(f"route {function.__name__} does not take {', '.join(missing)} of its path {path!r}")
    if len(set(named)) < len(named):
        raise ValueError(f"the path {path!r} of a route has a parameter twice")


def address(extension: str, path: str) -> str:
    """Where a route is served."""
    return f"/extensions/{extension}/{path}"
