"""The models of a job, of which one at a time is leased: a second one need not fit beside the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sdtoolbox.changes import Change, Variation
from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Condition, DiffusionModel, Mask, NoiseSource, NoiseTable, TaskContext, Variant
from sdtoolbox.schema.adapters import Adapter

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from sdtoolbox.models.entries import CatalogEntry
    from sdtoolbox.prompts.plan import Words
    from sdtoolbox.schema.fields import EmphasisMode

VIEWS_KEPT = 8
"""So many different changes of one model are remembered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is leased together. `lenient`: without the adapters, or the VAE, that do not fit this checkpoint."""

    checkpoint: str
    adapters: tuple[Adapter, ...] = ()
    vae: str | None = None
    lenient: bool = False


class Seat:
    """Holds the lease of one model; whoever takes another gives it back first. To be used with `with`."""

    def __init__(self, ctx: TaskContext) -> None:
        self._ctx = ctx
        self._wanted: Wanted | None = None
        self._lease: AbstractContextManager[DiffusionModel] | None = None
        self._views: dict[tuple[Change, ...], DiffusionModel] = {}
        self._told: dict[Wanted, tuple[Mapping[str, Any], Sequence[str]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back(kind, error, trace)

    def take(self, wanted: Wanted, changes: tuple[Change, ...] = ()) -> DiffusionModel:
        """The model, leased now, with these changes inside."""
        if self._wanted != wanted:
            if self._wanted is not None:
                self._told[self._wanted] = _told(self._views[()])
            self._give_back(None, None, None)
            self._views = {(): self._leased(wanted)}
            self._wanted = wanted
        view = self._views.pop(changes) if changes in self._views else self._views[()].changed(*changes)
        self._views[changes] = view
        for oldest in [known for known in self._views if known][:-VIEWS_KEPT]:
            del self._views[oldest]  # it may hold a picture
        return view

    def told(self, wanted: Wanted) -> tuple[Mapping[str, Any], Sequence[str]]:
        """Environment and warnings of a model, without leasing it again: as it was when it was given back."""
        if self._wanted != wanted and wanted in self._told:
            return self._told[wanted]
        return _told(self.take(wanted))

    def _leased(self, wanted: Wanted) -> DiffusionModel:
        adapters, vae = wanted.adapters, wanted.vae
        while True:
            lease = self._ctx.lease(wanted.checkpoint, adapters, vae)
            try:
                model = lease.__enter__()
            except UserError as error:
                if wanted.lenient and adapters and error.code == "LORA_INCOMPATIBLE":
                    adapters = ()
                elif wanted.lenient and vae is not None and error.field == "vae":
                    vae = None
                else:
                    raise
                self._ctx.warnings.append(f"left out: {error.message}")
            else:
                self._lease = lease
                return model

    def _give_back(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lease, self._lease, self._wanted, self._views = self._lease, None, None, {}
        if lease is not None:
            lease.__exit__(kind, error, trace)


def _told(model: DiffusionModel) -> tuple[Mapping[str, Any], Sequence[str]]:
    return dict(model.environment), list(model.warnings)


@dataclass(frozen=True, slots=True)
class Loan:
    """A `protocols.DiffusionModel` that takes the seat whenever it is asked for anything."""

    seat: Seat
    wanted: Wanted
    changes: tuple[Change, ...] = ()

    @property
    def _model(self) -> DiffusionModel:
        return self.seat.take(self.wanted, self.changes)

    @property
    def checkpoint(self) -> CatalogEntry:
        return self._model.checkpoint

    @property
    def variant(self) -> Variant:
        return self._model.variant

    @property
    def noise_table(self) -> NoiseTable:
        return self._model.noise_table

    @property
    def warnings(self) -> Sequence[str]:
        return self.seat.told(self.wanted)[1]

    @property
    def environment(self) -> Mapping[str, Any]:
        return self.seat.told(self.wanted)[0]

    def changed(self, *changes: Change) -> Loan:
        return Loan(self.seat, self.wanted, (*self.changes, *changes))

    def encode(
        self, words: Words | str, *, negative: bool = False, emphasis: EmphasisMode = "original", clip_skip: int = 1
    ) -> Condition:
        return self._model.encode(words, negative=negative, emphasis=emphasis, clip_skip=clip_skip)

    def predict(self, x: Tensor, sigma: float, conditions: Sequence[Condition]) -> list[Tensor]:
        return self._model.predict(x, sigma, conditions)

    def noise(self, seeds: Sequence[int], width: int, height: int, variation: Variation | None = None) -> NoiseSource:
        return self._model.noise(seeds, width, height, variation)

    def latents(self, pictures: Sequence[Image]) -> Tensor:
        return self._model.latents(pictures)

    def mask(self, mask: Mask) -> Tensor:
        return self._model.mask(mask)

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image]:
        return self._model.decode(latents, width, height)

    def preview(self, latents: Tensor) -> Image:
        return self._model.preview(latents)
