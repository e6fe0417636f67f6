"""Which checkpoints there are: found on disk in place, recognised, explained; weights are never read here."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.weights import Hashes

HASH = re.compile(r"[0-9a-f]{8,64}")
# What a checkpoint of a family is drawn with where it says nothing itself.
FAMILY_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sd1": {
        "width": 512,
        "height": 512,
        "steps": 20,
        "guidance_scale": 7.0,
        "sampler": "dpmpp_2m",
        "schedule": "karras",
    },
}


class Catalog:
    """The checkpoints in some folders, those of earlier folders first; `refresh` looks again."""

    def __init__(self, folders: Sequence[Path], preferred: str = "storybook") -> None:
        self._folders = tuple(folders)
        self._preferred = preferred
        self._checkpoints: tuple[CatalogEntry, ...] = ()
        self._hashes = Hashes()
        self.refresh()

    def __iter__(self) -> Iterator[CatalogEntry]:
        return iter(self._checkpoints)

    def refresh(self) -> None:
        """Look through all folders again."""
        found: dict[str, CatalogEntry] = {}
        for folder in self._folders:
            for path in _diffusers_folders(folder):
                checkpoint = recognise(path)
                found.setdefault(checkpoint.id, checkpoint)
        self._checkpoints = tuple(found.values())

    def ready(self) -> list[CatalogEntry]:
        """The checkpoints that can draw."""
        return [checkpoint for checkpoint in self._checkpoints if checkpoint.state == "ready"]

    def sha256(self, checkpoint: CatalogEntry) -> str:
        """Hex SHA-256 of a checkpoint's weight files; reads them whole the first time. Errors as `weight_files`."""
        return self._hashes.sha256(checkpoint.path)

    def find(self, name: str | None) -> CatalogEntry:
        """The checkpoint with this id, name (any case) or SHA-256 (its first 8 digits or more), the default for None.

        UserError MODEL_MISSING lists what there is; an ambiguous name lists the candidates; MODEL_TYPE says why
        a recognised one cannot be used. A missing model is never replaced by another.
        """
        if name is None:
            return self._default()
        wanted = name.strip().casefold()
        matches = [c for c in self._checkpoints if wanted in (c.id, c.name.casefold())]
        if not matches and HASH.fullmatch(wanted):
            matches = [c for c in self.ready() if self._has_hash(c, wanted)]
        if not matches:
            known = ", ".join(c.name for c in self.ready())
            hint = f"There are: {known or 'none'}."
            raise UserError("MODEL_MISSING", f"there is no checkpoint {name[:80]!r}.", hint, "checkpoint")
        if len(matches) > 1:
            candidates = ", ".join(f"{c.name} ({c.id})" for c in matches)
            hint = f"Say which by id: {candidates}."
            raise UserError("MODEL_MISSING", f"{name!r} is more than one checkpoint.", hint, "checkpoint")
        if matches[0].state != "ready":
            raise UserError(
                "MODEL_TYPE", f"{matches[0].name} cannot draw: {matches[0].reason}.", "Choose another.", "checkpoint"
            )
        return matches[0]

    def _has_hash(self, checkpoint: CatalogEntry, start: str) -> bool:
        try:
            return self.sha256(checkpoint).startswith(start)
        except (UserError, OSError):  # one broken checkpoint must not hide the one that is wanted
            return False

    def _default(self) -> CatalogEntry:
        ready = self.ready()
        if not ready:
            raise UserError(
                "MODEL_MISSING",
                "there is no checkpoint at all.",
                "Put one into models/checkpoints in the home folder, or name a folder in SDTOOLBOX_MODEL_FOLDERS.",
                "checkpoint",
            )
        return next((c for c in ready if c.name == self._preferred), ready[0])


def _diffusers_folders(root: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:  # a loop of symbolic links
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        if "model_index.json" in files:
            folders.clear()
            yield Path(place)


def recognise(path: Path) -> CatalogEntry:
    """What the diffusers folder at `path` is, from its own configuration files; never raises for a bad one."""
    identity = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    base, reason, own = "unknown", "", _Own()
    try:
        base, reason = _base_of(path)
        if (path / "sdtoolbox.json").is_file():
            own = _Own.model_validate_json((path / "sdtoolbox.json").read_bytes())
    except (OSError, ValueError, AttributeError) as error:
        reason = f"its configuration cannot be read ({type(error).__name__})"
    return CatalogEntry(
        id=identity,
        name=own.name or path.name,
        kind="checkpoint",
        base=base,
        state="unsupported" if reason else "ready",
        reason=reason,
        path=path,
        layout="diffusers",
        description=own.description,
        defaults={**FAMILY_DEFAULTS.get(base, {}), **own.defaults},
    )


class _Own(BaseModel):
    """What a checkpoint says about itself in its `sdtoolbox.json`."""

    name: str = ""
    description: str = ""
    defaults: dict[str, int | float | str] = {}


def _base_of(path: Path) -> tuple[str, str]:
    index = json.loads((path / "model_index.json").read_text("utf-8"))
    pipeline = index.get("_class_name")
    if pipeline != "StableDiffusionPipeline":
        return "unknown", f"pipelines of type {pipeline} are not supported yet"
    missing = [part for part in ("unet", "vae", "text_encoder", "tokenizer") if not (path / part).is_dir()]
    if missing:
        return "sd1", f"it lacks {', '.join(missing)}"
    channels = json.loads((path / "unet" / "config.json").read_text("utf-8")).get("in_channels", 4)
    if channels != 4:
        return "sd1", f"its network takes {channels} channels: text to image needs one with 4"
    return "sd1", ""
