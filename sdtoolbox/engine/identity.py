"""SHA-256 of what is loaded: computed beside the load, waited for only by who reads it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.scan import folder_version

Identity = Callable[[], str]


def version_of(entry: CatalogEntry) -> Hashable:
    """What tells one version of an entry's files from another without reading them; MODEL_MISSING if they are gone."""
    try:
        if entry.layout == "diffusers":
            size, mtime_ns = folder_version(entry.path)
        else:
            status = entry.path.stat()
            size, mtime_ns = status.st_size, status.st_mtime_ns
    except OSError:
        size = 0
    if not size:
        raise UserError("MODEL_MISSING", f"{entry.name} is not there any more.", "Look at the list of models again.")
    return size, mtime_ns


class Identities:
    """One thread that reads the files of what is being loaded, one after another."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identities")

    def of(self, entry: CatalogEntry, version: Hashable) -> Identity:
        """Begin to compute; the call that is returned waits for the hex digits.

        It gives "" where the files have gone or changed since: a picture that is drawn is not lost for its label.
        """

        def compute() -> str:
            try:
                digest = self._catalog.sha256(entry)
                return digest if version_of(entry) == version else ""
            except (UserError, OSError):
                return ""

        return self._thread.submit(compute).result
