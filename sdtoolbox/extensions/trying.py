"""Trials of extensions: each in a process of its own that may hang or die, once for every version of its files."""

from __future__ import annotations

import hashlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sdtoolbox import __version__
from sdtoolbox.extensions.descriptors import Descriptor
from sdtoolbox.extensions.finding import Source
from sdtoolbox.extensions.keeping import keep
from sdtoolbox.extensions.manifest import API, Manifest
from sdtoolbox.extensions.trial import source_to

LIMIT_SECONDS = 20.0
"""After which an import is taken to hang. One that brings torch along may need half of it."""
AT_ONCE = 2
SLOW_SECONDS = 2.0
"""After so long without an outcome one more process is started: what hangs must not hold up the rest."""
MOST_AT_ONCE = 8
MARGIN_SECONDS = 5.0
"""After which beyond the limit a trial ends itself, should nobody be left to stop it."""


class Trials:
    """Trials of any number of extensions; outcomes, failures too, are kept in a folder as JSON files."""

    def __init__(self, folder: Path, limit: float | None = None) -> None:
        self.folder = folder
        self.limit = LIMIT_SECONDS if limit is None else limit

    def outcomes(self, sources: Sequence[Source], patience: float) -> dict[Source, Descriptor]:
        """What is known of each, after at most `patience` seconds of trying those that are new.

        Trials that take longer go on, and count from the next time on.
        """
        found: dict[Source, Descriptor] = {}
        waiting: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for source in sources:
            if (known := self._known(source)) is not None:
                found[source] = known
            else:
                waiting.put(source)
        until, new = time.monotonic() + patience, waiting.qsize()
        done: queue.SimpleQueue[tuple[Source, Descriptor]] = queue.SimpleQueue()
        # Daemons: a process that is done with its work does not wait for an import that hangs.
        threads = [
            threading.Thread(target=self._try_all, args=(waiting, done), daemon=True) for _ in range(MOST_AT_ONCE)
        ]
        started = min(AT_ONCE, new)
        for thread in threads[:started]:
            thread.start()
        while len(found) < len(sources) and (left := until - time.monotonic()) > 0:
            try:
                source, outcome = done.get(timeout=min(left, SLOW_SECONDS))
                found[source] = outcome
            except queue.Empty:
                if started < MOST_AT_ONCE and not waiting.empty():
                    threads[started].start()
                    started += 1
        slow = Descriptor(Manifest(), reason=f"it is still being tried after {patience:g} s: reload in a moment")
        return {source: found.get(source, slow) for source in sources}

    def _try_all(self, waiting: queue.SimpleQueue[Source], done: queue.SimpleQueue[tuple[Source, Descriptor]]) -> None:
        child: subprocess.Popen[str] | None = None
        try:
            while True:
                source = waiting.get_nowait()
                child = child or _child(self.limit)
                outcome = self._tried(child, source)
                self._keep(source, outcome)
                done.put((source, outcome))
                if child.poll() is not None:
                    child.communicate()
                    child = None
        except queue.Empty:
            if child is not None:
                child.kill()
                child.communicate()

    def _tried(self, child: subprocess.Popen[str], source: Source) -> Descriptor:
        assert child.stdin is not None and child.stdout is not None
        began = time.monotonic()
        alarm = threading.Timer(self.limit, child.kill)
        alarm.start()
        try:
            child.stdin.write(f"{json.dumps(source_to(source))}\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        except OSError:
            answer = ""
        finally:
            alarm.cancel()
        took = time.monotonic() - began
        try:
            return Descriptor.from_dict(json.loads(answer))
        except (ValueError, KeyError, TypeError):
            status = child.wait()
            said = f"it does not come to an end: stopped after {self.limit:g} s"
            reason = said if took >= self.limit else f"it ends the process that imports it (status {status})"
            return Descriptor(Manifest(), (), took, reason)

    # Outcomes that are known

    def _known(self, source: Source) -> Descriptor | None:
        try:
            values = json.loads(self._file(source).read_text(encoding="utf-8"))
            outcome = Descriptor.from_dict(values["outcome"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # What failed may have lacked a package that is there by now.
        return outcome if not outcome.reason or values["packages"] == packages() else None

    def _keep(self, source: Source, outcome: Descriptor) -> None:
        keep(self._file(source), {"packages": packages(), "outcome": outcome.as_dict()})

    def _file(self, source: Source) -> Path:
        versions = f"{source.fingerprint()} {__version__} {API} {sys.version}"
        return self.folder / f"{hashlib.sha256(versions.encode()).hexdigest()}.json"


@cache
def packages() -> str:
    """SHA-256, in hex, of the names and versions of all installed packages, as their folders are called."""
    # To read what is in each of these folders would take seconds.
    places = [Path(place) for place in sys.path if Path(place).is_dir()]
    names = sorted(one.name for place in places for one in place.glob("*-info"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _child(limit: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sdtoolbox.extensions.trial", f"{limit + MARGIN_SECONDS}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
