"""What a file is, told from its tensors: the answer, the rows that give it, and the view that rows look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sdtoolbox.models.entries import Kind, State
from sdtoolbox.models.header import TensorInfo

T = TypeVar("T")

PRECISIONS: Mapping[str, str] = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), "fp8"),
    **dict.fromkeys(("I8", "U8"), "int8"),
}
ONE_PRECISION = 0.9  # of the bytes; the rest, norms and embeddings mostly, is often kept in another


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a file or folder is; the fields are those of `CatalogEntry`."""

    kind: Kind
    base: str
    variant: str = ""
    prediction: str = ""
    precision: str = ""
    algorithm: str = ""
    rank: int | None = None
    scale: int | None = None
    parts: tuple[str, ...] = ()
    extension: str = ""
    state: State
    reason: str = ""


class Names:
    """The tensors of a file whose names begin with `root`, seen without it."""

    def __init__(
        self,
        tensors: Mapping[str, TensorInfo],
        metadata: Mapping[str, str],
        root: str = "",
        known: dict[tuple[str, Callable[..., Any]], Any] | None = None,
    ) -> None:
        self.tensors = tensors  # of the whole file
        self.metadata = metadata
        self.root = root
        self._known = {} if known is None else known

    def __contains__(self, name: str) -> bool:
        return self.root + name in self.tensors

    def __iter__(self) -> Iterator[str]:
        if not self.root:
            return iter(self.tensors)
        return (name.removeprefix(self.root) for name in self.tensors if name.startswith(self.root))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, () if there is none of this name."""
        tensor = self.tensors.get(self.root + name)
        return tensor.shape if tensor else ()

    def side(self, name: str, axis: int) -> int | None:
        """One length of a tensor's shape, None if there is none."""
        shape = self.shape(name)
        return shape[axis] if -len(shape) <= axis < len(shape) else None

    def below(self, root: str) -> Names:
        """The names below another root of the same file."""
        return self if root == self.root else Names(self.tensors, self.metadata, root, self._known)

    def fact(self, find: Callable[[Names], T]) -> T:
        """What `find` says of these names, asked once for each root of a file."""
        key = self.root, find
        if key not in self._known:
            self._known[key] = find(self)
        found: T = self._known[key]
        return found

    def precision(self) -> str:
        """Which type most bytes of the whole file have: fp32, fp16, bf16, fp8 …, "mixed" if none has nearly all."""
        sizes: Counter[str] = Counter()
        for tensor in self.tensors.values():
            sizes[PRECISIONS.get(tensor.dtype, "")] += tensor.end - tensor.start
        sizes.pop("", None)  # indices and counters
        total = sizes.total()
        if not total:
            return ""
        most, size = sizes.most_common(1)[0]
        return most if size >= ONE_PRECISION * total else "mixed"


def plain(row: Architecture, names: Names) -> Recognition:
    """What a row says by itself: ready, or unsupported for the row's reason."""
    state: State = "unsupported" if row.reason else "ready"
    return Recognition(
        kind=row.kind, base=row.base, variant=row.variant, precision=names.precision(), state=state, reason=row.reason
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One kind of file. It is recognised where, under one of `roots`, all names of one of `layouts` are there, none
    of `without`, and `fits` agrees; `describe` then says the rest. `reason` is why it cannot be used, "" if it can."""

    id: str
    label: str  # what people call it
    kind: Kind
    base: str = "unknown"
    layouts: Sequence[Sequence[str]] = ((),)
    roots: Sequence[str] = ("",)
    without: Sequence[str] = ()
    fits: Callable[[Names], bool] = field(default=lambda names: True)
    describe: Callable[[Architecture, Names], Recognition] = plain
    variant: str = ""
    reason: str = ""

    def recognise(self, names: Names) -> Recognition | None:
        """What the file is if it is of this kind, else None."""
        for root in self.roots:
            view = names.below(root)
            if (
                any(all(name in view for name in layout) for layout in self.layouts)
                and not any(name in view for name in self.without)
                and self.fits(view)
            ):
                return self.describe(self, view)
        return None


def unsupported(recognition: Recognition, reason: str) -> Recognition:
    """The same, but nothing here can use it, for this reason."""
    return replace(recognition, state="unsupported", reason=reason)


def spoken(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
