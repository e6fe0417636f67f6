"""Where models lie: every file of weights and diffusers folder below a folder, whatever the folders are called."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Literal

from sdtoolbox.models.onnx import is_looked_at
from sdtoolbox.models.small_files import read_config

WEIGHTS = (".safetensors", ".sft")
PICKLES = (".ckpt", ".pt", ".pth", ".bin")
MODELS = (*WEIGHTS, *PICKLES, ".gguf")
SECOND = 10**9  # ns
DEEPEST = 32  # folders below folders: deeper is a link that leads in circles over a file system that hides it
PREVIEWS = ("png", "jpg", "jpeg", "webp")
SIDECARS = ("sdtoolbox.json", "json", "civitai.info")
# The names under which diffusers and transformers save one component.
COMPONENT = re.compile(r"(diffusion_pytorch_|pytorch_)?model[\w.-]*\.(safetensors|bin)(\.index\.json)?")
NAMELESS = re.compile(r"[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Bytes that are no UTF-8, what steers a terminal, ends a line, or turns the direction of writing.
UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder that may be a model, not opened yet; `mark` changes whenever a look at it may say more."""

    id: str
    name: str
    path: Path
    layout: Literal["file", "diffusers"]
    size: int  # bytes of the weights
    mtime_ns: int
    mark: str
    sidecars: tuple[Path, ...] = ()  # files that say something about it, the most trusted first
    problem: str = ""  # why it cannot be opened at all


def find_models(root: Path) -> Iterator[Found]:
    """Everything below `root` that looks like a model, in a fixed order; what cannot be read is passed over.

    Links are followed, each real folder once. Hidden files and folders are skipped.
    """
    seen: set[tuple[int, int]] = set()
    places: list[tuple[Path, int]] = [(root, 0)]
    while places:
        place, depth = places.pop()
        listed = _listing(place, seen)
        if listed is None:
            continue
        folders, files = listed
        if _is_diffusers(place, files):
            yield _found_folder(place)
            continue
        yield from _found_files(place, files)
        if depth < DEEPEST:
            places.extend((place / folder, depth + 1) for folder in reversed(folders))


def _listing(place: Path, seen: set[tuple[int, int]]) -> tuple[list[str], dict[str, os.DirEntry[str]]] | None:
    """(names of folders, files by name), both sorted, or None for a folder that is unreadable or was seen before."""
    try:
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            return None
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        folders = [entry.name for entry in entries if _is_folder(entry)]
    except OSError:
        return None
    names = set(folders)
    return folders, {entry.name: entry for entry in entries if entry.name not in names}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_diffusers(place: Path, files: dict[str, os.DirEntry[str]]) -> bool:
    if "model_index.json" in files:
        return True
    weights = [name for name in files if name.endswith(MODELS)]
    if "config.json" not in files or not weights or not all(COMPONENT.fullmatch(name) for name in weights):
        return False
    try:
        config = read_config(place / "config.json")
    except (OSError, ValueError):
        return False
    return bool({"_class_name", "architectures", "model_type"} & config.keys())


def _found_files(place: Path, files: dict[str, os.DirEntry[str]]) -> Iterator[Found]:
    real = os.path.realpath(place)
    for name, entry in files.items():
        if not (name.lower().endswith(MODELS) or is_looked_at(name)):
            continue
        path, stem = place / name, name.rpartition(".")[0]
        sidecars = [f"{stem}.{ending}" for ending in SIDECARS if f"{stem}.{ending}" in files]
        problem, size, mtime_ns = "", 0, 0
        try:
            target = os.path.realpath(path) if entry.is_symlink() else os.path.join(real, name)
            status = entry.stat()
            size, mtime_ns = status.st_size, status.st_mtime_ns
            if not stat.S_ISREG(status.st_mode):
                problem = "it is a pipe, a socket or a device, not a file"
        except OSError:
            target, problem = os.path.join(real, name), "it is a link to a file that is not there"
        yield Found(
            id=identity(target),
            name=readable(stem),
            path=path,
            layout="file",
            size=size,
            mtime_ns=mtime_ns,
            mark=_mark([(name, size, mtime_ns), *(_seen(files[sidecar]) for sidecar in sidecars)]),
            sidecars=tuple(place / sidecar for sidecar in sidecars),
            problem=problem,
        )


def _found_folder(place: Path) -> Found:
    inside = sorted(_inside(place))
    size, mtime_ns = _version(inside)
    beside = [place / "sdtoolbox.json", *(place.with_name(f"{place.name}.{ending}") for ending in SIDECARS)]
    return Found(
        id=identity(os.path.realpath(place)),
        name=_folder_name(place),
        path=place,
        layout="diffusers",
        size=size,
        mtime_ns=mtime_ns,
        mark=_mark(inside),
        sidecars=tuple(path for path in beside if path.is_file()),
    )


def folder_version(place: Path) -> tuple[int, int]:
    """(bytes of all weights, version) of a diffusers folder as it lies there now; `CatalogEntry` tells of both."""
    return _version(list(_inside(place)))


def _version(inside: Sequence[tuple[str, int, int]]) -> tuple[int, int]:
    weights = [one for one in inside if one[0].endswith(WEIGHTS)]
    # Beside the folders of its parts a pipeline may have the same once more in one file.
    parts = [one for one in weights if "/" in one[0]] or weights
    newest = max((mtime_ns for _, _, mtime_ns in inside), default=0)
    # A file of the same size that is older than another one has no other newest time and no other sum.
    digest = int.from_bytes(hashlib.sha256(repr(sorted(inside)).encode()).digest()[:8])
    return sum(size for _, size, _ in parts), newest // SECOND * SECOND + digest % SECOND


def _inside(place: Path, below: str = "") -> Iterator[tuple[str, int, int]]:
    """(path, size, mtime) of everything in a diffusers folder that decides what it is, one folder deep."""
    try:
        with os.scandir(place) as listing:
            entries = list(listing)
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir():
                if not below:
                    yield from _inside(place / entry.name, f"{entry.name}/")
            elif entry.name.endswith((".json", ".txt", *MODELS)):
                status = entry.stat()
                yield below + entry.name, status.st_size, status.st_mtime_ns
        except OSError:
            continue


def _seen(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    try:
        status = entry.stat()
    except OSError:
        return entry.name, -1, -1
    return entry.name, status.st_size, status.st_mtime_ns


def _mark(parts: Sequence[tuple[str, int, int]]) -> str:
    return hashlib.sha256(f"{_edition()}{parts!r}".encode()).hexdigest()[:24]


@cache
def _edition() -> str:
    """What tells one version of the recognition from another: after an update everything is looked at again."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def identity(place: str) -> str:
    """The id of what lies at this real path: 32 hex digits that do not tell where it is."""
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:32]


def readable(name: str) -> str:
    """A file's name as text that JSON, a page and a terminal can hold, whatever bytes it is made of."""
    return UNREADABLE.sub("\ufffd", name)


def _folder_name(place: Path) -> str:
    # A download cache and InvokeAI name folders by hashes: then the model's own name stands elsewhere.
    if place.parent.name == "snapshots":
        return readable(place.parent.parent.name.rpartition("--")[2])
    if NAMELESS.fullmatch(place.name):
        for name in ("model_index.json", "config.json"):
            try:
                own = read_config(place / name).get("_name_or_path")
            except (OSError, ValueError):
                continue
            if isinstance(own, str) and (last := PurePath(own).name):
                return readable(last)
    return readable(place.name)
