"""One worker process as its parent sees it: start, look, stop, kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.settings import PACKAGE, Settings
from sdtoolbox.workers import process

LARGEST_OUTPUT = 1_000_000


class Child:
    """A running worker process. Its standard input is a pipe from here: it ends with us, however we end."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.id = new_worker_id("worker")
        self.began = time.monotonic()
        self.cause = ""  # why we killed it, if we did
        task = {"id": self.id, "log": name, "settings": settings.model_dump(mode="json")}
        paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {process.ENVIRONMENT: json.dumps(task), "PYTHONPATH": os.pathsep.join(paths)}
        with open(_output_file(settings, name), "ab") as output:
            self._process = subprocess.Popen(
                # -P: a folder the server happens to be started in must not hide an installed module.
                [sys.executable, "-P", "-m", "sdtoolbox.workers.process"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl+C in the terminal is for the server; it tells us
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def death(self) -> str | None:
        """How it died, in a few words, or None while it lives."""
        code = self._process.poll()
        if code is None:
            return None
        self._close_pipe()
        if self.cause:
            return self.cause
        if code >= 0:
            return f"exit code {code}"
        return f"signal {-code}, {signal.strsignal(-code)}"

    def kill(self, cause: str) -> None:
        """Kill it at once; `death` will give this cause."""
        self.cause = cause
        self._process.kill()

    def ask_to_leave(self) -> None:
        """Let it put its job back and go; see `process.Worker.leave`."""
        self._close_pipe()

    def wait(self, seconds: float) -> bool:
        """Whether it is gone within so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _close_pipe(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


def _output_file(settings: Settings, name: str) -> Path:
    # What native code prints before it dies: not a log, but often the only witness.
    path = settings.logs / f"{name}.out"
    if path.is_file() and path.stat().st_size > LARGEST_OUTPUT:
        path.replace(path.with_suffix(".out.old"))
    return path
