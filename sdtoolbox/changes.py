"""What may be different while a model works: in the calls of its networks, and in the noise that it starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdtoolbox.protocols import Mask


@dataclass(frozen=True, slots=True)
class FreeU:
    """Weights within the network: of the deepest features and those above them (b), and of what skips over (s)."""

    b1: float = 1.0
    b2: float = 1.0
    s1: float = 1.0
    s2: float = 1.0


@dataclass(frozen=True, slots=True)
class PerturbedAttention:
    """In the middle of the network every place attends to itself alone."""


@dataclass(frozen=True, slots=True)
class Seamless:
    """The left edge meets the right one, the upper one the lower."""

    horizontal: bool = True
    vertical: bool = True


@dataclass(frozen=True, slots=True)
class Tiles:
    """Networks see one tile of this size in pixels at a time: memory for a tile is enough, however large the picture.

    Neighbours share at least `overlap` pixels, in which the one fades into the other: in every estimate of the network,
    so that no seam can form. A tile that is not smaller than the picture changes nothing. `before_each` is called
    before each tile and may raise: `TaskContext.check_cancelled`.
    """

    width: int
    height: int
    overlap: int
    before_each: Callable[[], object] = field(default=lambda: None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Repaint:
    """A network made for inpainting is shown the picture without what is masked; others do not notice.

    Without this change it is told that all is to be drawn. `picture` is RGB and `mask` as large: from 0.5 on it hides.
    """

    picture: Image
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Instruct:
    """A network that edits by instruction is shown this RGB picture, or none; others do not notice.

    Without this change it is shown none.
    """

    picture: Image | None


Change: TypeAlias = FreeU | PerturbedAttention | Seamless | Tiles | Repaint | Instruct
"""What may be different in the calls of a model's networks: see `DiffusionModel.changed`."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How the noise that pictures start from is moved away from their seeds'.

    To share `strength` towards that of other `seeds`, one a picture; drawn for a picture of `resized_from`, width and
    height in pixels, and put in the middle, if that is not None.
    """

    seeds: Sequence[int] = ()
    strength: float = 0.0
    resized_from: tuple[int, int] | None = None
