"""From a file that was found to an entry of the catalog: opened once, recognised, put into words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sdtoolbox.errors import UserError
from sdtoolbox.models import onnx
from sdtoolbox.models.added import AddedArchitectures
from sdtoolbox.models.architectures import Recognition, recognise, recognise_folder
from sdtoolbox.models.details import Details, details
from sdtoolbox.models.entries import CatalogEntry, State
from sdtoolbox.models.families import family_defaults
from sdtoolbox.models.header import read_header
from sdtoolbox.models.scan import PICKLES, Found, readable

# What a parser raises on nonsense; one file of nonsense must not end the scan of twenty thousand.
NONSENSE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one opening of a file or folder."""

    recognition: Recognition
    metadata: Mapping[str, str] = field(default_factory=dict)


def describe(found: Found, added: AddedArchitectures | None = None) -> CatalogEntry:
    """The entry of what was found; a bad file gives one that says what is wrong, never an error."""
    look = _look(found, added)
    seen, said = look.recognition, Details()
    try:
        said = details(found.sidecars, look.metadata)
    except (OSError, ValueError) as error:
        seen = _not_usable("broken", f"its sdtoolbox.json cannot be read ({type(error).__name__})")
    defaults = family_defaults(seen.base, seen.prediction) if seen.kind == "checkpoint" else {}
    return CatalogEntry(
        id=found.id,
        name=readable(said.name) or found.name,
        kind=seen.kind,
        base=seen.base,
        state=seen.state,
        reason=seen.reason.rstrip("."),
        path=found.path,
        layout=found.layout,
        size=found.size,
        mtime_ns=found.mtime_ns,
        variant=seen.variant,
        prediction=seen.prediction,
        precision=seen.precision,
        algorithm=seen.algorithm,
        rank=seen.rank,
        scale=seen.scale,
        parts=seen.parts,
        extension=seen.extension,
        description=said.description,
        defaults={**defaults, **said.defaults},
        trigger_words=said.trigger_words,
        tags=said.tags,
        notes=said.notes,
    )


def described_anew(entry: CatalogEntry, added: AddedArchitectures) -> CatalogEntry | None:
    """The entry of a file that has not changed, now that extensions have; None if it cannot be read just now."""
    try:
        seen = recognise(read_header(entry.path), added)
    except (UserError, *NONSENSE):  # the next scan says what became of it
        return None
    if seen.state == "unknown":
        seen = added.without(entry, seen)
    return replace(
        entry,
        kind=seen.kind,
        base=seen.base,
        state=seen.state,
        reason=seen.reason.rstrip("."),
        variant=seen.variant,
        scale=seen.scale,
        extension=seen.extension,
    )


def _look(found: Found, added: AddedArchitectures | None) -> Look:
    if found.problem:
        return Look(_not_usable("broken", found.problem))
    ending = found.path.suffix.lower()
    if found.layout == "file" and ending in PICKLES:
        reason = f"it is a pickle, which can run programs: sdtoolbox models convert {shlex.quote(found.name)}"
        return Look(_not_usable("needs_conversion", reason))
    if found.layout == "file" and ending == ".gguf":
        return Look(_not_usable("unsupported", "GGUF files cannot be used yet"))
    try:
        if found.layout == "diffusers":
            return Look(recognise_folder(found.path))
        if ending == onnx.ENDING:
            return Look(onnx.recognise_onnx(found.path))
        header = read_header(found.path)
        return Look(recognise(header, added), header.metadata)
    except UserError as error:
        reason = error.message.partition(" cannot be used: ")[2] or error.message  # its name stands beside it already
        return Look(_not_usable("needs_conversion" if error.code == "MODEL_UNSAFE" else "broken", reason))
    except NONSENSE as error:
        return Look(_not_usable("broken", f"it cannot be understood ({type(error).__name__})"))


def _not_usable(state: State, reason: str) -> Recognition:
    return Recognition(kind="unknown", base="unknown", state=state, reason=reason)
