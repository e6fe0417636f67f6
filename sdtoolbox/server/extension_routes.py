"""What extensions answer with at `/extensions/<name>/…`: whatever is registered at the moment of asking."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.routing import ROUTE_NEEDS
from sdtoolbox.registered import RouteInfo
from sdtoolbox.registry import Entry, Registry
from sdtoolbox.server.answers import BY_STATUS, REFUSED, error_response
from sdtoolbox.toolbox import Toolbox

PREFIX = "/extensions"


class ExtensionRoutes:
    """An ASGI application to be mounted at `PREFIX`. It is made of one for each extension, at the first request.

    So an extension whose functions no web framework can serve fails alone, and one that is switched off or read anew
    is gone or another one at once. On a `shared` server others than the owner can ask.
    """

    def __init__(self, toolbox: Toolbox, *, shared: bool) -> None:
        self._toolbox = toolbox
        self._given = {"toolbox": toolbox, "shared": shared}
        self._routes: Registry[RouteInfo] | None = None
        self._made: dict[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes = self._toolbox.registries.routes
        if routes is not self._routes:  # another object, whenever extensions were loaded
            self._routes, self._made = routes, {}
        name = scope["path"].removeprefix(scope.get("root_path", "")).strip("/").partition("/")[0]
        entries = [entry for entry in routes if entry.owner == name]
        if not entries:
            await error_response(UserError(*BY_STATUS[404]), 404)(scope, receive, send)
            return
        if name not in self._made:
            self._made[name] = _application(entries, self._given)
        await self._made[name](scope, receive, send)


def _application(entries: list[Entry[RouteInfo]], given: Mapping[str, Any]) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(UserError)
    async def explain(_request: Request, error: UserError) -> Response:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def refuse(_request: Request, _error: RequestValidationError) -> Response:
        return error_response(UserError(*REFUSED), 422)

    for entry in entries:
        served = _served(entry.value.function, given)
        # What the function returns is its own business: no model that its annotation might name is asked for.
        path = f"/{entry.owner}/{entry.value.path}"
        app.add_api_route(path, served, methods=[entry.value.method], response_model=None)
    return app


def _served(function: Callable[..., Any], given: Mapping[str, Any]) -> Callable[..., Any]:
    """The function as the framework is to see it: without the arguments that do not come from the request."""
    signature = inspect.signature(function)
    named = {name: given[name] for name in ROUTE_NEEDS if name in signature.parameters}
    asked = [_asked(one) for name, one in signature.parameters.items() if name not in named]
    served: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def served(**values: Any) -> Any:
            return await function(**values, **named)
    else:

        @functools.wraps(function)
        def served(**values: Any) -> Any:
            return function(**values, **named)

    served.__signature__ = signature.replace(parameters=asked)  # type: ignore[attr-defined]
    return served


def _asked(parameter: inspect.Parameter) -> inspect.Parameter:
    # The name says what it is: an author need not import the framework for the annotation.
    if parameter.name == "request" and parameter.annotation is inspect.Parameter.empty:
        return parameter.replace(annotation=Request)
    return parameter
