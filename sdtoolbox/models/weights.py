"""Weight files of a diffusers folder: which there are, whether they are whole, and their hash; nothing is loaded."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path

from sdtoolbox.errors import UserError
from sdtoolbox.models.header import read_header

WEIGHTS = ".safetensors"
PARTS = ("unet", "vae", "text_encoder")
NAME = re.compile(r"(diffusion_pytorch_)?model(\.(?P<variant>\w+))?(-\d+-of-\d+)?\.safetensors")
GET_AGAIN = "Download the checkpoint again, or remove it."

Mark = tuple[tuple[str, int, int], ...]
"""(path below the folder, size, mtime in ns) of every weight file: equal as long as the checkpoint is the same."""


def variant(folder: Path, part: str) -> str | None:
    """Which stored precision of a part is loaded: None is the plain one, otherwise "fp16"; errors as `weight_files`."""
    return _stored(folder, part)[0]


def weight_files(folder: Path) -> list[Path]:
    """The weight files that are loaded, sorted; MODEL_MISSING or MODEL_UNSAFE if a part has none to load."""
    return sorted(file for part in PARTS for file in _stored(folder, part)[1])


def _stored(folder: Path, part: str) -> tuple[str | None, list[Path]]:
    by_variant: dict[str | None, list[Path]] = {}
    for file in (folder / part).glob(f"*{WEIGHTS}"):
        if (match := NAME.fullmatch(file.name)) and file.is_file():
            by_variant.setdefault(match["variant"], []).append(file)
    for wanted in (None, "fp16"):
        if wanted in by_variant:
            return wanted, by_variant[wanted]
    if any((folder / part).glob("*.bin")):
        raise UserError(
            "MODEL_UNSAFE",
            f"{part} of {folder.name} is stored as a pickle, which can run programs.",
            "Convert it to safetensors.",
            "checkpoint",
        )
    raise UserError("MODEL_MISSING", f"{part} of {folder.name} has no {WEIGHTS} file.", GET_AGAIN, "checkpoint")


def mark(folder: Path) -> Mark:
    """What tells one version of the folder's weights from another without reading them."""
    files = []
    for file in weight_files(folder):
        status = file.stat()
        files.append((file.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(files)


def check(file: Path) -> int:
    """The number of parameters in a file that is whole; errors as `read_header`."""
    return sum(math.prod(tensor.shape) for tensor in read_header(file).tensors.values())


class Hashes:
    """SHA-256 of checkpoints, computed once a version."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, Mark], str] = {}

    def sha256(self, folder: Path) -> str:
        """Hex SHA-256 over the bytes of the weight files, one after another in the order of their paths."""
        key = folder, mark(folder)
        if key not in self._known:
            digest = hashlib.sha256()
            for file in weight_files(folder):
                with file.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
            self._known[key] = digest.hexdigest()
        return self._known[key]
