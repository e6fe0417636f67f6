"""Finished pictures on their way through extensions' hooks, before they are saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.remaking import Film
from sdtoolbox.images.views import LARGE
from sdtoolbox.jobs.hooks import Hooks
from sdtoolbox.protocols import Drawn
from sdtoolbox.registered import HookInfo
from sdtoolbox.registry import Entry
from sdtoolbox.workers.context import JobContext

FIELD = "hooks"
"""Of the environment: which extensions changed the picture, each with the SHA-256 of its files and settings."""


class PictureHooks:
    """Those of one job."""

    def __init__(self, hooks: Hooks, ctx: JobContext) -> None:
        self._hooks = hooks
        self._ctx = ctx
        self._by: list[dict[str, str]] = []

    def __call__(self, drawn: Drawn) -> Drawn:
        """The picture as the hooks leave it; the job's environment says of this one who changed it.

        A plot's grid is left alone, as it is made of pictures that they have seen. So is what cannot be lent.
        """
        if not drawn.kept and getattr(drawn.request, "plot", None) is None:
            self._ctx.environment.pop(FIELD, None)
            if self._hooks.of("picture"):
                return self._hooked(drawn)
        return drawn

    def finish(self) -> None:
        """Let the environment name all that changed any picture of the job."""
        if self._by:
            self._ctx.environment[FIELD] = self._by

    def _hooked(self, drawn: Drawn) -> Drawn:
        image = drawn.image
        if isinstance(image, Film) or image.size[0] * image.size[1] >= LARGE:
            self._warn(["Hooks of extensions change no videos, and no pictures as large as this one."])
            return drawn
        raster = image if isinstance(image, Raster) else Raster.of(image)
        hooked = self._hooks.on_picture(raster, drawn.request)
        self._warn(hooked.warnings)
        if not hooked.by:
            return drawn
        by = _identities(hooked.by)
        self._ctx.environment[FIELD] = by
        self._by += [one for one in by if one not in self._by]
        return replace(drawn, image=hooked.value)

    def _warn(self, warnings: Iterable[str]) -> None:
        self._ctx.warnings.extend(one for one in warnings if one not in self._ctx.warnings)


def _identities(hooks: Iterable[Entry[HookInfo]]) -> list[dict[str, str]]:
    """The extensions of these hooks, in their order, each once."""
    found: list[dict[str, str]] = []
    for entry in hooks:
        one = {"name": entry.owner, "version": entry.value.version, "sha256": entry.value.sha256}
        if one not in found:
            found.append(one)
    return found
