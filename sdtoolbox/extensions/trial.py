"""The process in which extensions are tried: `python -m sdtoolbox.extensions.trial`, started by `trying` alone.

It reads a source a line from its standard input and answers each with a line: the descriptor, as JSON. What an
extension does to this process, up to ending it, harms nobody.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.descriptors import Descriptor, described
from sdtoolbox.extensions.finding import Source
from sdtoolbox.extensions.importing import MisbehavedError, drafted
from sdtoolbox.extensions.manifest import Manifest, read_manifest


def main() -> None:
    """Answer until the input ends, then leave whatever threads an extension has started."""
    if hasattr(os, "nice"):
        os.nice(10)  # what loops for ever must not slow down the start that does not wait for it any more
    asked, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What an extension prints or reads must not get between the answers.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    serve(asked, answers, float(sys.argv[1]))
    os._exit(0)


def serve(asked: TextIO, answers: TextIO, limit: float) -> None:
    """Try each source that is asked for; one that takes more than `limit` seconds is the last one."""
    for line in asked:
        # Runs in C: it ends this process even where no Python code gets a turn, and after the parent's death.
        faulthandler.dump_traceback_later(limit, exit=True, file=answers)
        print(json.dumps(tried(source_from(json.loads(line))).as_dict()), file=answers, flush=True)
        faulthandler.cancel_dump_traceback_later()


def tried(source: Source) -> Descriptor:
    """What becomes of one extension when it is read, imported and registered; raises nothing."""
    manifest, began = Manifest(), time.perf_counter()
    try:
        if files := source.files():
            manifest = read_manifest(files[0].read_text(encoding="utf-8"))
        if manifest.unmet:
            return Descriptor(manifest, reason=manifest.unmet)
        extension = drafted(source)
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt and SystemExit too: they are the author's here
        took = time.perf_counter() - began
        return Descriptor(manifest, (), took, in_words(error), "".join(traceback.format_exception(error)))
    return Descriptor(manifest, described(extension), time.perf_counter() - began)


def in_words(error: BaseException) -> str:
    """One line on what an extension raised."""
    if isinstance(error, (MisbehavedError, UserError)):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"it imports {error.name}, which is not installed"
    if isinstance(error, SystemExit):
        return "it ends the program (SystemExit)"
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text in UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, SyntaxError) and error.lineno:
        return f"it is no valid Python: {error.msg} (line {error.lineno})"
    return f"{type(error).__name__}: {error}".strip(": ")[:500]


def source_to(source: Source) -> dict[str, Any]:
    """A source as JSON."""
    file = None if source.file is None else str(source.file)
    return {
        "name": source.name,
        "file": file,
        "module": source.module,
        "distribution": source.distribution,
        "settings": source.settings,
    }


def source_from(values: dict[str, Any]) -> Source:
    """The reverse."""
    return Source(**{**values, "file": None if values["file"] is None else Path(values["file"])})


if __name__ == "__main__":
    # As -m runs it, this module has another name than for those who import it.
    sys.modules.setdefault("sdtoolbox.extensions.trial", sys.modules[__name__])
    main()
