"""What the registries hold: each registered thing with what one must know to use it.

Extensions do not make these; `Extension`'s methods do, from a function's signature and docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sdtoolbox.protocols import Form, Schedule, TaskFunction
    from sdtoolbox.schema.options import Option
    from sdtoolbox.schema.requests import Request


@dataclass(frozen=True, slots=True)
class SamplerInfo:
    """A registered sampler: the function and what one must know to use it.

    `needs` are the keywords that it is given besides: `unconditional`, a second denoiser with the estimate without the
    prompt, served from the same network call; `noise_table`, the model's `NoiseTable`; `measure(name, values)`, which
    reports a number for each image of the batch. `schedule` is the id of the schedule that "automatic" stands for with
    it.
    """

    function: Callable[..., Any]
    forms: tuple[Form, ...] = ("variance_exploding",)
    options: Mapping[str, Option] = field(default_factory=dict)
    help: str = ""
    needs: tuple[str, ...] = ()
    schedule: str = "uniform"


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """A registered schedule."""

    function: Schedule
    help: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpscalerInfo:
    """A registered upscaler, of latents or of pictures.

    On latents: `function(latents, height, width)`, [B, C, h, w] -> [B, C, height, width], sizes in latent places. On
    pictures: `function(picture, width, height)`, a PIL image -> one of that size in pixels.
    """

    function: Callable[..., Any]
    on: Literal["latents", "pictures"]
    help: str = ""


@dataclass(frozen=True, slots=True)
class FillerInfo:
    """A registered filler: it closes a hole in a picture from what is around it.

    `function(pixels, mask)`: RGB uint8 [H, W, 3] and bool [H, W], True where the hole is -> pixels of the same shape,
    unchanged elsewhere.
    """

    function: Callable[..., Any]
    help: str = ""


@dataclass(frozen=True, slots=True)
class SelectorInfo:
    """A registered selector: it makes a mask of what was pointed at.

    `function(pixels, points, box, **options)`: RGB uint8 [H, W, 3], points as (x, y) in pixels, a box as (left, top,
    right, bottom) or None -> float32 [H, W] in [0, 1]. Points that are not on the thing come as `excluded` if the
    function names it.
    """

    function: Callable[..., Any]
    help: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestorerInfo:
    """A registered restorer: it cleans a picture, or makes it larger, by arithmetic alone.

    `function(pixels, **options)`: float32 RGB [H, W, 3] in [0, 1] -> the same `scale` times as wide and high. One that
    names `noise` is given the standard deviation of the noise in the same units, one that names `quality` the quality
    at which the picture was a JPEG, 100 for never. `reach` as in `Restorer`.
    """

    function: Callable[..., Any]
    scale: int = 1
    reach: int | None = None
    help: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchitectureInfo:
    """A registered architecture: networks that clean or enlarge pictures, of a layout that is not known here.

    `detect(shapes)`, the shape of each tensor of a file by its name -> how many times larger these networks make a
    picture, 1 where it keeps its size, None if the file is none of theirs. The web process calls it, for every file
    that nothing else knows. `build(tensors)`, float32 on the CPU by name -> the `torch.nn.Module` with these weights,
    in the worker: RGB float32 [B, 3, h, w] in [0, 1] -> [B, 3, h * scale, w * scale]. It is shown sides that are
    multiples of `multiple`. `version` and `sha256` say which files of the extension they are from.
    """

    detect: Callable[[Mapping[str, tuple[int, ...]]], int | None]
    build: Callable[..., Any]
    multiple: int = 1
    help: str = ""
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PreprocessorInfo:
    """A registered preprocessor: what a picture goes through before it is drawn anew.

    `function(pixels, **options)`: RGB uint8 [H, W, 3], at the size at which it is drawn -> the same shape and type.
    """

    function: Callable[..., Any]
    options: Mapping[str, Option] = field(default_factory=dict)
    help: str = ""


@dataclass(frozen=True, slots=True)
class SteerInfo:
    """A registered steer: it bends every estimate of the clean latents, after guidance and before the sampler.

    `function(denoise, **options)` gives another denoiser, `(x, sigma) -> x0`, of the same shape. `needs` are the
    keywords that it is given besides: `prompted`, a second denoiser with the estimate of the prompt alone, as guidance
    found it and from the same network call; `guidance_scale`; `sigmas`, the noise levels of this pass; `noise_table`,
    the model's.
    """

    function: Callable[..., Any]
    options: Mapping[str, Option] = field(default_factory=dict)
    help: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptSyntaxInfo:
    """A registered prompt syntax: `function(text)` gives the same prompt in words that everybody knows.

    It is called once for each prompt when a request is resolved, before wildcards and choices are decided, and once
    more for what these brought. What it gives must be left alone by it: `function(function(text)) == function(text)`.
    """

    function: Callable[[str], str]
    help: str = ""


HookEvent = Literal["request", "picture", "done"]


@dataclass(frozen=True, slots=True)
class HookInfo:
    """A registered hook: a function that is called at some moment of every job.

    At `event` "request": `function(request)` before it is queued -> a changed one or None. At "picture":
    `function(image, request)` before it is saved -> a changed one or None. At "done": `function(job)`. `version` and
    `sha256` say which files of the extension it is from, where they decide about pixels.
    """

    function: Callable[..., Any]
    event: HookEvent
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """A registered route: what the web server answers with to `method` at `/extensions/<owner>/<path>`.

    `function` takes the parameters of the path, and others that it declares as FastAPI's do. If it names them it is
    given `toolbox`, the `Toolbox`, `request`, and `shared`, True where others than the owner can reach the server.
    """

    function: Callable[..., Any]
    method: str
    path: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A registered task: its request class and the function that does it."""

    request: type[Request]
    run: TaskFunction
    help: str = ""
