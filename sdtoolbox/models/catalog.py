"""Which models there are: found on disk in place, recognised, explained; weights are never read here."""

from __future__ import annotations

import gc
import os
import re
import tempfile
import threading
import weakref
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.errors import Code, UserError
from sdtoolbox.models.added import AddedArchitectures, of_file
from sdtoolbox.models.describing import described_anew
from sdtoolbox.models.diffusion_upscalers import SCALES as UPSCALERS
from sdtoolbox.models.entries import CatalogEntry, Kind
from sdtoolbox.models.families import missing_parts
from sdtoolbox.models.fit import KIND_WORDS, kind_word, with_article
from sdtoolbox.models.hashes import AUTOV3, SHORT, Hashes
from sdtoolbox.models.hashing import Hashing, HashingThread
from sdtoolbox.models.index import Index, Key, Record
from sdtoolbox.models.listing import Listing
from sdtoolbox.models.scan import PREVIEWS
from sdtoolbox.models.scanning import Scanner

HASH = re.compile(r"[0-9a-f]{8,64}")
FEW_TO_NAME = 20
FEW_TO_HASH = 8
FEW_BYTES = 1 << 30
"""A hash that nobody knows yet is looked for among so few models and bytes only: nobody waits for terabytes."""
SECONDS_AT_FIRST = 0.5
"""How long the first look into a folder may hold up who opens the catalog; a background scan does the rest."""


class Catalog:
    """The models in some folders, those of earlier folders first.

    A folder that the index knows is listed at once as it was; `refresh` and `start_scanning` look again. `at_once`
    names folders so small that they are looked at whenever a catalog is opened. `architectures` are those of
    extensions, which are asked of files that nothing else fits. Safe to use from any thread.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        database: Database | None = None,
        preferred: str = "storybook",
        at_once: Collection[Path] = (),
        architectures: AddedArchitectures | None = None,
    ) -> None:
        self.architectures = architectures or AddedArchitectures()
        self._folders = tuple(dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders))
        self._preferred = preferred
        at_hand = _temporary_database(self) if database is None else database
        self._index = Index(at_hand, self._folders)
        self._hashes = Hashes(at_hand)
        self._scanner = Scanner(self._folders, self._index, self._marks, self.architectures)
        self._hashing = HashingThread(self._hashes)
        self._lock = threading.Lock()
        self._revision = 0
        self._records: dict[Key, Record] = {}
        self._listing = Listing()
        if database is None:
            self.refresh()
            return
        prompt = {Path(os.path.abspath(folder)) for folder in at_once}
        self._scanner.scan([folder for folder in self._folders if folder in prompt])
        unknown = [folder for folder in self._folders if not self._index.scanned(folder)]
        self._scanner.scan(unknown, SECONDS_AT_FIRST)
        self.reconsider()

    # What there is

    def __iter__(self) -> Iterator[CatalogEntry]:
        return iter(self._now().entries)

    def get(self, identity: str) -> CatalogEntry:
        """The entry with this id, as any process last saw it; UserError MODEL_MISSING if there is none."""
        entry = self._now().get(identity)
        if entry is None:
            raise UserError("MODEL_MISSING", f"there is no model {identity[:80]!r}.", "Look for it in the model list.")
        return entry

    def ready(self, kind: Kind = "checkpoint") -> list[CatalogEntry]:
        """The models of a kind that can be used."""
        return [entry for entry in self._now().entries if entry.kind == kind and entry.state == "ready"]

    def search(
        self, text: str = "", kind: Kind | None = None, base: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[CatalogEntry]:
        """The models with all these words in name, description, tags or trigger words, the best first."""
        return self._now().search(text, kind, base, limit, offset)

    def find(
        self, name: str | None, kind: Kind = "checkpoint", field: str = "checkpoint", given: Collection[str] = ()
    ) -> CatalogEntry:
        """The model of a kind with this id, name (any case) or hash, the default checkpoint for None.

        A hash is 8 digits or more of a SHA-256, or 10 or more of an AutoV3. `given` names parts that come from
        elsewhere, so that a checkpoint may lack them. UserError MODEL_MISSING lists what there is or what is near; an
        ambiguous name lists the candidates; MODEL_TYPE, MODEL_CORRUPT or MODEL_UNSAFE say why one cannot be used. A
        missing model is never replaced by another.
        """
        if name is None:
            return self._default(kind, field)
        named = self._called(name, kind)
        matches = [entry for entry in named if entry.kind == kind] or named
        if not matches:
            raise self._missing(name, kind, field)
        if len(usable := [entry for entry in matches if entry.state == "ready"]) == 1:
            matches = usable
        found = _only(matches, name, KIND_WORDS[kind], field)
        if found.kind == kind and found.state == "unsupported":
            self.architectures.get(found, field)  # which says whose extension is off
        _check_usable(found, kind, field, given)
        return found

    def look_up(self, name: str) -> CatalogEntry:
        """The model of any kind and state with this id, name or hash; UserError MODEL_MISSING as `find`."""
        if not (named := self._called(name, None)):
            close = get_close_matches(name, [entry.name for entry in self], n=3, cutoff=0.5)
            hint = f"Near it are: {', '.join(close)}." if close else "The list of models shows all."
            raise UserError("MODEL_MISSING", f"there is no model {name[:80]!r}.", hint)
        return _only(named, name, "model", None)

    def _called(self, name: str, kind: Kind | None) -> list[CatalogEntry]:
        listing = self._now()
        return listing.named(name) or self._with_hash(listing, name.strip().casefold(), kind)

    def preview(self, entry: CatalogEntry) -> Path | None:
        """A picture that lies beside a model to show what it does, or None."""
        path = entry.path
        stem = path.with_suffix("") if entry.layout == "file" else path
        beside = [stem.with_name(f"{stem.name}{middle}.{end}") for middle in (".preview", "") for end in PREVIEWS]
        inside = [path / f"preview.{end}" for end in PREVIEWS] if entry.layout == "diffusers" else []
        return next((picture for picture in (*inside, *beside) if picture.is_file()), None)

    # Looking again

    @property
    def scanning(self) -> bool:
        """Whether the folders are being looked through just now."""
        return self._scanner.scanning

    @property
    def hashing(self) -> Hashing | None:
        """What the background is reading to know it by its hash, and how far it is; None while it rests."""
        return self._hashing.progress

    def refresh(self) -> None:
        """Look through all folders, and return when that is done."""
        self._scanner.scan()

    def reconsider(self) -> None:
        """Ask extensions anew of the files that only they may know, if they are others than when these were seen."""
        self._now()
        with self._lock:
            outdated = [one for one in self._records.items() if self.architectures.outdated(one[1].mark)]
        found: defaultdict[int, list[Record]] = defaultdict(list)
        for (root, _), record in outdated:
            if (entry := described_anew(record.entry, self.architectures)) is not None:
                mark = self.architectures.mark(entry, of_file(record.mark))
                found[root].append(Record(entry, mark, record.place))
        for root, records in found.items():
            self._index.put(self._folders[root], records)

    def start_scanning(self, hashes: bool = True) -> None:
        """Look through the folders again and again in the background, and compute the hashes that are missing."""
        self._scanner.start()
        if hashes:
            self._hashing.start(lambda: self._now().entries)

    def rescan(self) -> None:
        """Let the background look again now."""
        self._scanner.wake()

    def close(self) -> None:
        """End what goes on in the background."""
        self._scanner.stop()
        self._hashing.stop()

    # Identity

    def sha256(self, entry: CatalogEntry) -> str:
        """Hex SHA-256 of a model's weights; reads them whole the first time. Errors as `Hashes.computed`."""
        return self._hashes.computed(entry).sha256

    def autov3(self, entry: CatalogEntry) -> str:
        """Hex SHA-256 of what follows a file's header, "" for a folder; errors as `sha256`."""
        return self._hashes.computed(entry).autov3

    def hashes(self, entry: CatalogEntry) -> dict[str, str]:
        """`sha256`, `short` (A1111's ten digits) and `autov3`, as far as they are known without reading the weights."""
        known = self._hashes.known(entry)
        if known is None:
            return {}
        found = {"sha256": known.sha256, "short": known.sha256[:SHORT], "autov3": known.autov3[:AUTOV3]}
        return {name: value for name, value in found.items() if value}

    def used(self, entry: CatalogEntry) -> None:
        """Say that somebody uses a model: its hash is computed before others'."""
        self._hashing.prefer(entry.id)

    # What people write

    def annotate(
        self,
        identity: str,
        *,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        trigger_words: Sequence[str] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> CatalogEntry:
        """Keep what somebody wrote about a model, and return it so; None leaves a part as it is, empty takes it away.

        UserError MODEL_MISSING, or PARAM_INVALID with the part at fault.
        """
        self.get(identity)
        annotation = self._index.annotation(identity)
        changed = annotation.changed(tags=tags, notes=notes, trigger_words=trigger_words, defaults=defaults)
        self._index.annotate(identity, changed)
        return self.get(identity)

    # The moment

    def _now(self) -> Listing:
        """All entries as the index has them now, whichever process found them."""
        with self._lock, _without_collections():
            changes = self._index.changes(self._revision)
            if changes is not None:
                if changes.present is not None:
                    self._records = {key: one for key, one in self._records.items() if key in changes.present}
                self._records.update(changes.records)
                self._revision = changes.revision
                self._listing = Listing(_in_order(self._records))
            return self._listing

    def _marks(self, folder: Path) -> dict[str, str]:
        self._now()
        number = self._folders.index(folder)
        with self._lock:
            return {identity: one.mark for (root, identity), one in self._records.items() if root == number}

    def _default(self, kind: Kind, field: str) -> CatalogEntry:
        ready = self.ready(kind)
        if not ready:
            raise UserError(
                "MODEL_MISSING",
                f"there is no {KIND_WORDS[kind]} at all.",
                "Put one into models/checkpoints in the home folder, or name a folder in SDTOOLBOX_MODEL_FOLDERS.",
                field,
            )
        return next((entry for entry in ready if entry.name == self._preferred), ready[0])

    def _with_hash(self, listing: Listing, start: str, kind: Kind | None) -> list[CatalogEntry]:
        if not HASH.fullmatch(start):
            return []
        known = [entry for one in self._hashes.ids(start) if (entry := listing.get(one)) and self._has(entry, start)]
        if not known and kind is not None:
            unknown = [entry for entry in self.ready(kind) if self._hashes.known(entry) is None]
            if len(unknown) <= FEW_TO_HASH and sum(entry.size for entry in unknown) <= FEW_BYTES:
                known = [entry for entry in unknown if self._has(entry, start, compute=True)]
        # Copies of one file are all the same to whoever names it by its hash.
        known.sort(key=lambda entry: (entry.kind != kind, entry.id))
        return known if len({self.sha256(entry) for entry in known}) > 1 else known[:1]

    def _has(self, entry: CatalogEntry, start: str, compute: bool = False) -> bool:
        try:
            hashed = self._hashes.computed(entry) if compute else self._hashes.known(entry)
        except UserError:  # one broken model must not hide the one that is wanted
            return False
        if hashed is None:
            return False
        return hashed.sha256.startswith(start) or (len(start) >= SHORT and hashed.autov3.startswith(start))

    def _missing(self, name: str, kind: Kind, field: str) -> UserError:
        ready = [entry.name for entry in self.ready(kind)]
        near = get_close_matches(name.casefold(), [one.casefold() for one in ready], n=3, cutoff=0.5)
        close = [one for one in ready if one.casefold() in near]
        few = f"There are: {', '.join(ready) or 'none'}."
        hint = (
            few if len(ready) <= 20 else f"Near it are: {', '.join(close)}." if close else "The model list shows all."
        )
        return UserError("MODEL_MISSING", f"there is no {KIND_WORDS[kind]} {name[:80]!r}.", hint, field)


REFUSALS: Mapping[str, tuple[Code, str]] = {
    "unsupported": ("MODEL_TYPE", "Choose another."),
    "unknown": ("MODEL_TYPE", "Choose another."),
    "incomplete": ("MODEL_TYPE", "Choose what it lacks beside it, or another."),
    "broken": ("MODEL_CORRUPT", "Download it again, or remove it."),
    "needs_conversion": ("MODEL_UNSAFE", "Convert it to safetensors first."),
}


def _check_usable(entry: CatalogEntry, kind: Kind, field: str, given: Collection[str]) -> None:
    if entry.kind not in (kind, "unknown"):
        said = f"{entry.name} is {with_article(kind_word(entry))}, not {with_article(KIND_WORDS[kind])}."
        hint = f"Choose {with_article(KIND_WORDS[kind])}."
        if entry.variant in UPSCALERS and kind == "checkpoint":  # it looks like one from outside
            hint += " This one makes pictures larger: it is an upscaler."
        raise UserError("MODEL_TYPE", said, hint, field)
    lacking = missing_parts(entry)
    if entry.state == "ready" or (entry.state == "incomplete" and lacking and set(lacking) <= set(given)):
        return
    code, hint = REFUSALS[entry.state]
    raise UserError(code, f"{entry.name} cannot be used: {entry.reason}.", hint, field)


def _only(matches: Sequence[CatalogEntry], name: str, word: str, field: str | None) -> CatalogEntry:
    if len(matches) > 1:
        candidates = ", ".join(f"{entry.name} ({entry.id})" for entry in matches[:FEW_TO_NAME])
        said = f"{name[:80]!r} is more than one {word}."
        raise UserError("MODEL_MISSING", said, f"Say which by id: {candidates}.", field)
    return matches[0]


@contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage collections: while thousands of entries come, they look through all of them again and again."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _in_order(records: Mapping[Key, Record]) -> Iterator[CatalogEntry]:
    seen: set[str] = set()
    ordered = sorted(records.items(), key=lambda item: (item[0][0], item[1].place))
    for (_, identity), record in ordered:
        if identity not in seen:
            seen.add(identity)
            yield record.annotated()


def _temporary_database(owner: object) -> Database:
    folder = tempfile.TemporaryDirectory(prefix="sdtoolbox-catalog-")
    database = Database(Path(folder.name) / "catalog.sqlite3")
    weakref.finalize(owner, _forget, database, folder)
    return database


def _forget(database: Database, folder: tempfile.TemporaryDirectory[str]) -> None:
    database.close()
    folder.cleanup()
