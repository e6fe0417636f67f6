"""Extensions add what they say or nothing; one that is broken or switched off says why, and the rest works."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from sdtoolbox.builtin import load_all
from sdtoolbox.errors import UserError
from sdtoolbox.extensions.finding import find
from sdtoolbox.extensions.loading import Report
from sdtoolbox.extensions.registries import Registries
from sdtoolbox.extensions.states import States
from sdtoolbox.extensions.trying import Trials
from sdtoolbox.schema.options import Option
from sdtoolbox.settings import Settings

SAMPLER = """
def {name}(denoise, x, sigmas, *, noise, on_step, eta=1.0):
    '''One line of help.

    More.'''
    return x

def register(ext):
    ext.sampler({name}, label="{label}")
"""
MISSING = "def register(ext): pass\nNEEDS = ('no-such-package>=3',)"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in [one for one in sys.modules if one.startswith("sdtoolbox_extensions.")]:
        del sys.modules[name]  # other tests have extensions of the same names
    folder = tmp_path / "extensions"
    folder.mkdir()
    return Settings(home=tmp_path / "home", extension_folders=(folder,), extension_patience=60)


def put(settings: Settings, name: str, text: str) -> Path:
    file = settings.extension_folders[0] / (name if name.endswith(".py") else f"{name}.py")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def loaded(settings: Settings) -> tuple[Registries, dict[str, Report]]:
    registries, reports = load_all(settings)
    return registries, {one.name: one for one in reports if not one.shipped}


def test_a_sampler_has_its_options_and_help_before_it_is_imported(settings: Settings) -> None:
    put(settings, "mine", "import torch\n" + SAMPLER.format(name="still", label="Still"))
    before = "sdtoolbox_extensions.mine" in sys.modules
    registries, reports = loaded(settings)
    entry = registries.samplers.get("STILL")
    assert (reports["mine"].state, reports["mine"].adds) == ("loaded", ("sampler Still",))
    assert (entry.owner, entry.value.help, entry.value.needs) == ("mine", "One line of help.", ())
    assert entry.value.options == {"eta": Option("eta", 1.0)}
    assert not before and "sdtoolbox_extensions.mine" not in sys.modules
    assert entry.value.function(None, 7.0, [], noise=None, on_step=None) == 7.0
    assert "sdtoolbox_extensions.mine" in sys.modules


BROKEN = {
    "syntax": ("def register(ext:", "it is no valid Python: '(' was never closed (line 1)"),
    "missing": ("import no_such_thing", "it imports no_such_thing, which is not installed"),
    "leaves": ("raise SystemExit(3)", "it ends the program (SystemExit)"),
    "nothing": ("x = 1", "nothing.py has no function register(ext)"),
    "wrong": ("def register(ext):\n    ext.sampler(lambda x: x)", "TypeError: sampler <lambda> does not take denoise"),
    "no_default": (
        "def s(denoise, x, sigmas, *, noise, on_step, eta): pass\ndef register(ext): ext.sampler(s)",
        "TypeError: options of s need defaults: eta",
    ),
    "half_way": (SAMPLER.format(name="late", label="Late") + "    raise RuntimeError('no')", "RuntimeError: no"),
    "future": ("API = 99\nraise ValueError", "it is written for version 99 of the extension interface"),
    "lacks": (MISSING, "it needs the package no-such-package>=3, which is not installed"),
    "computed": ("import os\nNEEDS = os.sep\ndef register(ext): pass", "ValueError: NEEDS must be written out"),
    "killer": ("import os\nos._exit(4)", "it ends the process that imports it (status 4)"),
    "patcher": ("import sys\nsys.exit = print\ndef register(ext): pass", "it changes sys.exit for everybody"),
    "pillow": (
        "from PIL import Image\nImage.MAX_IMAGE_PIXELS = None\ndef register(ext): pass",
        "it changes PIL.Image.MAX_IMAGE_PIXELS for everybody",
    ),
    "home": (
        "import os\nos.environ['PATH'] = ''\ndef register(ext): pass",
        "it changes the environment variable PATH for everybody",
    ),
    "torch_load": ("import torch\ntorch.load = print\ndef register(ext): pass", "it changes torch.load for everybody"),
    "twice": (SAMPLER.format(name="euler", label="My own"), "the sampler name 'euler' of twice is already taken by"),
}


def test_each_broken_one_says_why_and_leaves_nothing(settings: Settings) -> None:
    plain, _ = load_all(settings)
    for name, (text, _) in BROKEN.items():
        put(settings, name, text)
    put(settings, "good", SAMPLER.format(name="still", label="Still"))
    registries, reports = loaded(settings)
    for name, (_, reason) in BROKEN.items():
        assert (name, reports[name].state) == (name, "quarantined")
        assert reason in reports[name].reason, name
    assert reports["good"].state == "loaded"
    assert "Traceback" in reports["half_way"].details
    assert registries.samplers.ids() == [*plain.samplers.ids(), "still"]


def test_what_hangs_is_stopped_and_does_not_hold_up_a_start(settings: Settings) -> None:
    put(settings, "a_loop", "while True: pass")
    put(settings, "good", SAMPLER.format(name="still", label="Still"))
    sources = find(settings.extension_folders)
    found = Trials(settings.extension_cache, limit=6).outcomes(sources, patience=0)
    assert {one.reason for one in found.values()} == {"it is still being tried after 0 s: reload in a moment"}
    until = time.monotonic() + 60
    while len(list(settings.extension_cache.glob("*.json"))) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    known = Trials(settings.extension_cache).outcomes(sources, patience=0)
    assert [known[one].reason for one in sources] == ["it does not come to an end: stopped after 6 s", ""]


def test_what_is_known_is_not_tried_again(settings: Settings) -> None:
    good = put(settings, "good", SAMPLER.format(name="still", label="Still"))
    put(settings, "bad", "raise ValueError('broken')")
    _, first = loaded(settings)
    count = len(list(settings.extension_cache.glob("*.json")))
    _, second = loaded(settings)
    assert len(list(settings.extension_cache.glob("*.json"))) == count
    assert {name: (one.state, one.reason, one.seconds) for name, one in first.items()} == {
        name: (one.state, one.reason, one.seconds) for name, one in second.items()
    }
    good.write_text(SAMPLER.format(name="moved", label="Moved"))
    registries, third = loaded(settings)
    assert third["good"].adds == ("sampler Moved",) and "still" not in registries.samplers


def test_one_that_is_switched_off_is_missed_by_name(settings: Settings) -> None:
    put(settings, "good", SAMPLER.format(name="still", label="My Still"))
    loaded(settings)
    States.read(settings.extension_states).changed(disable="good").write(settings.extension_states)
    registries, reports = loaded(settings)
    assert (reports["good"].state, reports["good"].adds) == ("disabled", ("sampler My Still",))
    for name in ("still", "my still"):
        with pytest.raises(UserError, match=r"part of the extension good, which is off: somebody switched") as caught:
            registries.samplers.get(name, "sampler")
        assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "sampler")
    States.read(settings.extension_states).changed(enable="good").write(settings.extension_states)
    registries, reports = loaded(settings)
    assert reports["good"].state == "loaded" and "still" in registries.samplers


def test_the_first_of_a_name_counts(settings: Settings, tmp_path: Path) -> None:
    put(settings, "mine", SAMPLER.format(name="one", label="One"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.py").write_text(SAMPLER.format(name="two", label="Two"))
    both = settings.model_copy(update={"extension_folders": (*settings.extension_folders, other)})
    registries, reports = load_all(both)
    mine = [one for one in reports if one.name == "mine"]
    assert [one.state for one in mine] == ["loaded", "quarantined"]
    assert mine[1].reason == "there is another extension of this name: mine.py"
    assert "two" not in registries.samplers


def test_a_clash_puts_the_later_one_off_whole(settings: Settings) -> None:
    put(settings, "first", SAMPLER.format(name="one", label="One"))
    text = "def three(denoise, x, sigmas, *, noise, on_step): return x\n"
    put(settings, "second", text + SAMPLER.format(name="two", label="Two") + "    ext.sampler(three, label='one')\n")
    registries, reports = loaded(settings)
    assert "of second is already taken by first" in reports["second"].reason
    assert "two" not in registries.samplers and "one" in registries.samplers


def test_folders_import_their_own_modules(settings: Settings) -> None:
    put(settings, "whole/__init__.py", "from . import parts\nAPI = 1\nVERSION = '2.1'\nregister = parts.register\n")
    put(settings, "whole/parts.py", "def tab(toolbox): pass\ndef register(ext): ext.tab(tab, label='Whole')\n")
    registries, reports = loaded(settings)
    assert not reports["whole"].reason
    assert (reports["whole"].state, reports["whole"].version, reports["whole"].place) == ("loaded", "2.1", "whole/")
    assert "Whole" in registries.tabs


def test_safe_mode_loads_none(settings: Settings) -> None:
    put(settings, "good", SAMPLER.format(name="still", label="Still"))
    registries, reports = load_all(settings.model_copy(update={"safe_mode": True}))
    assert reports == [] and "still" not in registries.samplers
    assert registries.tasks.ids() == ["txt2img", "img2img", "inpaint", "erase", "denoise", "upscale"]
    assert registries.fillers.ids() == ["blur", "telea", "navier_stokes", "patch"]
    assert registries.selectors.ids() == ["flood", "grab_cut"]
    assert registries.restorers.ids()[:3] == ["non_local_means", "wavelet", "total_variation"]


def test_an_installed_package_is_found_by_its_entry_point(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    info = site / "my_pack-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-pack\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[sdtoolbox]\npack = my_pack\n")
    (site / "my_pack.py").write_text(SAMPLER.format(name="packed", label="Packed"))
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    registries, reports = loaded(settings)
    assert (reports["pack"].state, reports["pack"].place) == ("loaded", "my-pack 1.5")
    assert "packed" in registries.samplers


def test_one_whose_file_is_another_by_the_time_it_is_used_says_so(settings: Settings) -> None:
    file = put(settings, "edited", SAMPLER.format(name="still", label="Still"))
    registries, _ = loaded(settings)
    file.write_text(SAMPLER.format(name="moved", label="Moved"))
    with pytest.raises(UserError, match=r"the extension edited does not add still any more. Reload") as caught:
        registries.samplers.get("still").value.function(None, 7.0, [], noise=None, on_step=None)
    assert caught.value.code == "EXTENSION_FAILED"


def test_our_own_limits_of_pictures_are_nobodys_change(settings: Settings) -> None:
    put(settings, "reads", "import sdtoolbox.images.opening\n" + SAMPLER.format(name="reads", label="Reads"))
    assert loaded(settings)[1]["reads"].reason == ""
