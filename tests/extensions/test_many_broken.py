"""A folder full of broken extensions: the server starts, each is off with its own reason, pictures are the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sdtoolbox.extensions import trying
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.extensions.test_loading import BROKEN, SAMPLER

HANGING = {
    "endless": ("while True: pass", "it does not come to an end: stopped after 8 s"),
    "asleep": ("import time\ntime.sleep(1000)", "it does not come to an end: stopped after 8 s"),
    "waits_for_input": ("input()", "EOFError"),
    "prints": ("print('{\"not\": \"an answer\"}')\nraise ValueError('after printing')", "ValueError: after printing"),
    "bytes": ("\xff\xfe", "it is no text in UTF-8: invalid start byte at byte 0"),
    "deep": ("def f(): f()\nf()", "RecursionError"),
    "threads": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\nraise OSError('left one')",
        "OSError: left one",
    ),
}


def picture(toolbox: Toolbox) -> str:
    result = toolbox.run("txt2img", prompt="a house", seed=5, steps=3, width=64, height=64)
    return hashlib.sha256(toolbox.picture_path(result.pictures[0].id).read_bytes()).hexdigest()


def test_many_broken_ones_harm_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "LIMIT_SECONDS", 8.0)
    folder = tmp_path / "extensions"
    folder.mkdir()
    broken = {name: one for name, one in {**BROKEN, **HANGING}.items() if "torch" not in name}  # which takes seconds
    for name, (text, _) in broken.items():
        (folder / f"{name}.py").write_text(text, encoding="latin-1")
    (folder / "zz_good.py").write_text(SAMPLER.format(name="still", label="Still"))
    alone = Settings(home=tmp_path / "alone", safe_mode=True, device="cpu", threads=1)
    among = Settings(
        home=tmp_path / "among", extension_folders=(folder,), extension_patience=120, device="cpu", threads=1
    )
    with Toolbox.open(alone) as toolbox:
        expected = picture(toolbox)
    with Toolbox.open(among) as toolbox:
        reports = {one.name: one for one in toolbox.reports if not one.shipped}
        assert picture(toolbox) == expected
    assert {name for name, one in reports.items() if one.state == "loaded"} == {"zz_good"}
    for name, (_, reason) in broken.items():
        assert reason in reports[name].reason, name
