"""A whole server in a process of its own, with pixels from a hash in place of a network: for tests of page and API."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.workers.fake_engine import NAME, write_checkpoint

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS = {"width": 64, "height": 64, "steps": 8, "guidance_scale": 5.0, "sampler": "euler", "schedule": "karras"}
OTHER_DEFAULTS = {
    "width": 96,
    "height": 64,
    "steps": 12,
    "guidance_scale": 2.0,
    "sampler": "Heun",
    "schedule": "uniform",
}


@dataclass(frozen=True, slots=True)
class Web:
    """A running server: its address, its folder, its process."""

    url: str
    home: Path
    process: subprocess.Popen[str]


@contextmanager
def serve(home: Path, **settings: str) -> Iterator[Web]:
    """Start `python app.py` on a free port and stop it at the end; settings are `SDTOOLBOX_…` variables.

    With `test_engine=""` it is the real engine, and only the checkpoints that ship are there.
    """
    fake = settings.get("test_engine", NAME) != ""
    if fake and not (home / "models" / "checkpoints").exists():
        write_checkpoints(home / "models")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SDTOOLBOX_", "GRADIO_"))},
        "SDTOOLBOX_HOME": str(home),
        "SDTOOLBOX_TEST_ENGINE": NAME,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        **{f"SDTOOLBOX_{name.upper()}": value for name, value in settings.items()},
    }
    log = (home / "server.log").open("w")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", settings.pop("port", "0")],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        yield Web(_address(process, home / "server.log"), home, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
        log.close()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+:\d+", line)
    assert found, f"no address in {line!r}: {log.read_text()}"
    return found[0]


def write_checkpoints(models: Path) -> None:
    """Two checkpoints without weights, the default one and "other", with different defaults."""
    first = write_checkpoint(models)
    # The home's models come first, so that this one is the default whatever ships.
    (first / "sdtoolbox.json").write_text(json.dumps({"name": "storybook", "defaults": DEFAULTS}))
    second = shutil.copytree(first, models / "checkpoints" / "other")
    (second / "sdtoolbox.json").write_text(json.dumps({"name": "other", "defaults": OTHER_DEFAULTS}))


def wait_until(condition: object, seconds: float = 10.0) -> None:
    """Call a function until it returns something true; AssertionError when it takes too long."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def ready(page: Any) -> None:
    """Wait until the form shows the checkpoint's values and the server's stream has begun."""
    page.wait_for_function("document.querySelector('#txt2img-steps .sd-input')?.value !== ''")
    page.wait_for_selector(".sd-stage[data-ready=true]")
