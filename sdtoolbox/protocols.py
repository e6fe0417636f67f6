"""The design as types: denoiser, guidance, steer, sampler, schedule, model, restorer, task.

Nothing here runs, and nothing here imports torch: built-ins and extensions are written against these names.

Notation: x is a float32 tensor [B, C, h, w] in latent space; sigma is the standard deviation of the noise in it, a
Python float (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models"); `denoised`
is an estimate of the clean latent, same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from sdtoolbox.changes import Change, Variation
    from sdtoolbox.images.faces.squares import Face
    from sdtoolbox.images.raster import Raster
    from sdtoolbox.images.video.remaking import Film
    from sdtoolbox.models.entries import CatalogEntry
    from sdtoolbox.prompts.plan import Words
    from sdtoolbox.schema.adapters import Adapter
    from sdtoolbox.schema.fields import EmphasisMode
    from sdtoolbox.schema.requests import Request
    from sdtoolbox.schema.results import Stage

T = TypeVar("T")

Form = Literal["variance_exploding", "flow"]
"""How x carries its noise: x0 + sigma eps, or (1 - sigma) x0 + sigma eps."""

Variant = Literal["", "inpaint", "instruct"]
"""What a checkpoint's network sees beside the noise: nothing, a mask with what lies around it, or a picture."""

Mask: TypeAlias = "NDArray[np.float32]"
"""What is to be repainted: [H, W] in [0, 1], 1 wholly, grey in part."""

Eraser: TypeAlias = "Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]"
"""eraser(pixels, mask): RGB [H, W, 3] and [H, W], True where something is to go -> pixels, the same elsewhere."""

Pixels: TypeAlias = "NDArray[np.float32]"
"""RGB, float32 [H, W, 3] in [0, 1], in whatever colour space the picture has."""

Condition: TypeAlias = Any
"""What a model made of a prompt; only the model that made it looks inside."""

Denoiser: TypeAlias = "Callable[[Tensor, float], Tensor]"
Predict: TypeAlias = "Callable[[Tensor, float, Sequence[Condition]], list[Tensor]]"
Guidance: TypeAlias = "Callable[[Predict], Denoiser]"
Steer: TypeAlias = "Callable[[Denoiser], Denoiser]"
Noise: TypeAlias = "Callable[[float, float], Tensor]"
"""noise(a, b): [B, C, h, w], unit variance. a > b: the normalised increment of one Brownian path an image, whatever
the order and overlap of the calls. a <= b: a fresh draw."""
OnStep: TypeAlias = "Callable[[int, Tensor, Tensor], None]"
"""on_step(i, x, denoised) after (or in) step i, from 0."""
Measure: TypeAlias = "Callable[[str, Sequence[float]], None]"
"""measure(name, values): what a sampler has to report, one number per image; the last report of a name counts."""


class NoiseTable(Protocol):
    """The noise levels a model was trained on, rising, and the map between sigma and the training time t."""

    sigma_min: float
    sigma_max: float
    sigmas: Sequence[float]
    family: Form

    def sigma(self, t: float) -> float:
        """The noise level at training time t in [0, len(sigmas) - 1]; log-linear between the table's entries."""
        ...

    def t(self, sigma: float) -> float:
        """The training time of a noise level, the inverse of `sigma`; clamped to the table."""
        ...


Schedule: TypeAlias = Callable[..., Sequence[float]]
"""schedule(steps, table, **options): steps + 1 floats, falling, ending in 0; `table` is a `NoiseTable`."""


class Sampler(Protocol):
    """A plain function from noise to picture. Keyword options after `on_step` are the sampler's option schema."""

    def __call__(
        self, denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, **options: Any
    ) -> Tensor: ...


class NoiseSource(Protocol):
    """All randomness of one batch: image i has its own path, seeded by its own seed, drawn on the CPU."""

    def initial(self) -> Tensor:
        """Unit noise [B, C, h, w] to start from; the same for the same seeds, whatever the batch."""
        ...

    def __call__(self, a: float, b: float) -> Tensor:
        """See `Noise`."""
        ...

    def of(self, image: int) -> Noise:
        """The noise of one image of the batch, [1, C, h, w]: what it would be given alone, fresh draws too.

        That holds for who draws for each image through this alone: calls for the batch count as draws of all.
        """
        ...


class DiffusionModel(Protocol):
    """A loaded checkpoint as the tasks see it; sigma-parameterized whatever it was trained to predict."""

    @property
    def checkpoint(self) -> CatalogEntry:
        """Which one it is."""
        ...

    @property
    def variant(self) -> Variant:
        """What its network sees beside the noise, as its file says."""
        ...

    @property
    def noise_table(self) -> NoiseTable:
        """The noise levels that it was trained on."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What whoever asked should know of this lease: an adapter of which only a part fits …"""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels: device, precision, versions, checkpoint …"""
        ...

    def encode(
        self, words: Words | str, *, negative: bool = False, emphasis: EmphasisMode = "original", clip_skip: int = 1
    ) -> Condition:
        """The model's reading of any number of weighted words, a string being plain ones.

        Some are told that they are the `negative` ones; `emphasis` and `clip_skip` as the request's fields say.
        """
        ...

    def predict(self, x: Tensor, sigma: float, conditions: Sequence[Condition]) -> list[Tensor]:
        """One batched network call: for each condition the estimate of the clean latent, [B, C, h, w] float32."""
        ...

    def changed(self, *changes: Change) -> DiffusionModel:
        """The same model, whose networks are changed in each call, and as they were between any two.

        Of `Tiles`, of `Repaint` and of `Instruct` the last one holds.
        """
        ...

    def noise(self, seeds: Sequence[int], width: int, height: int, variation: Variation | None = None) -> NoiseSource:
        """The randomness of a batch of pictures of this size in pixels, one seed a picture.

        `variation` moves what `initial` gives.
        """
        ...

    def latents(self, pictures: Sequence[Image]) -> Tensor:
        """What `decode` would make these RGB pictures of one size from: [B, C, h, w], float32."""
        ...

    def mask(self, mask: Mask) -> Tensor:
        """How much of each place of `latents` a mask of the pictures' size covers: [1, 1, h, w] in [0, 1].

        As much as the most that it covers of any of the place's pixels.
        """
        ...

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image]:
        """RGB pictures of exactly width x height; UserError NUMERIC where the result is not finite."""
        ...

    def preview(self, latents: Tensor) -> Image:
        """A quick, small RGB look at the first latent of the batch, without the decoder."""
        ...


class Restorer(Protocol):
    """Pixels in, pixels out, cleaner or larger: a loaded network, or a registered function in a network's clothes.

    `reach`: how many pixels around a pixel decide about it, so that tiles that overlap by twice as much give what the
    whole picture would; `multiple`: tiles must begin at multiples of it for that, because the network sees blocks of so
    many pixels; None as `reach` if all of the picture decides, so that tiles are close and not the same.
    """

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def scale(self) -> int:
        """How many times wider and higher the result is; 1 for what cleans."""
        ...

    @property
    def reach(self) -> int | None: ...

    @property
    def multiple(self) -> int: ...

    @property
    def tile(self) -> int | None:
        """The side in pixels of the largest tile that it is shown at a time, None for whatever there is."""
        ...

    @property
    def invents(self) -> bool:
        """Whether what comes out has detail that is likely, but not seen in the picture."""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels, as `DiffusionModel.environment`; empty if none."""
        ...

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        """[H, W, 3] -> [H * scale, W * scale, 3], float32 in [0, 1].

        `at` is where they begin in the whole picture, (top, left): who draws noise draws the same at the same place.
        `noise` is the standard deviation of the noise that is to go, in the same units, `quality` that of the JPEG that
        the picture was, 100 for never; those that need neither pass over them. UserError NUMERIC, OUT_OF_MEMORY.
        """
        ...


@runtime_checkable
class FaceRestorer(Protocol):
    """What a `Restorer` is besides, if it restores faces alone: it is called with squares, a face upright in each."""

    @property
    def side(self) -> int:
        """Of these squares, in pixels."""
        ...

    def faces(self, pixels: np.ndarray) -> tuple[Face, ...]:
        """Where faces lie in a whole picture, [H, W, 3] of 8 or 16 bits; the largest first."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished picture on its way from a task to the worker that saves it; a raster keeps its depth and alpha.

    Or a video: a film is a whole file, with its tags in it.
    """

    image: Image | Raster | Film
    seed: int  # of this picture alone
    request: Request  # draws the batch that this picture was part of, and nothing else
    index: int  # its place in that batch, from 0
    measured: Mapping[str, float] = field(default_factory=dict)  # how well it came out: see `schema.results.Picture`
    kept: str = ""  # its id in the store, if an earlier attempt of the same job saved it


class TaskContext(Protocol):
    """All that a task may touch: models, the registered parts, progress. Nothing else is reachable from a task."""

    registries: Any
    environment: dict[str, Any]
    warnings: list[str]

    def lease(
        self, checkpoint: str, adapters: Sequence[Adapter] = (), vae: str | None = None
    ) -> AbstractContextManager[DiffusionModel]:
        """The loaded model of this catalog id, kept loaded until the block ends. The only way to get one.

        `adapters` name catalog ids and act until then; `vae` is the id of one to decode with in place of its own.
        """
        ...

    def picture(self, identity: str) -> Raster:
        """A picture of the store by its id, decoded; UserError IMAGE_INVALID if it is gone."""
        ...

    def picture_path(self, identity: str) -> Path:
        """The file of a picture of the store; UserError IMAGE_INVALID if it is gone."""
        ...

    def scratch(self) -> BinaryIO:
        """A file without a name, for what is too large for the memory: gone once it is closed, or the process ends."""
        ...

    def tags(self, request: Request, measured: Mapping[str, float]) -> Mapping[str, str]:
        """What a video file of this request says about itself, given what `environment` holds by now."""
        ...

    def eraser(self, eraser: str) -> Eraser:
        """The network of this catalog id that erases; each call leases it, and writes it into `environment`."""
        ...

    def restorer(self, restorer: str) -> AbstractContextManager[Restorer]:
        """The network of this catalog id that cleans or enlarges, kept loaded until the block ends."""
        ...

    def stage(self, stage: Stage, *, picture: int = 0, pictures_total: int = 1, work: float = 1.0) -> None:
        """Say what is being done now; `work` is its size (network calls, pixels), for the ETA. Cancels if asked to."""
        ...

    def step(self, done: float, *, step: int | None = None, steps: int | None = None) -> None:
        """Say how much of the current stage is done, 0 to 1. Raises `Cancelled` if somebody cancelled."""
        ...

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make()` gives, or gave before under this key in this job; only the latest few are kept."""
        ...

    def wants_preview(self) -> bool:
        """True when the last preview is old enough for another to be worth its time."""
        ...

    def preview(self, image: Image) -> None:
        """Show a picture in the making."""
        ...

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if somebody cancelled the job; call it wherever a moment has passed."""
        ...


class TaskFunction(Protocol):
    """`run(request, ctx)`: a generator of finished pictures."""

    def __call__(self, request: Any, ctx: TaskContext) -> Iterator[Drawn]: ...
