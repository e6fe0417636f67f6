"""Extensions add what they say or nothing, and a broken one says why."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from sdtoolbox.builtin import load_all
from sdtoolbox.extensions import LoadReport, Registries, find, load, module_from
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


def load_text(folder: Path, name: str, text: str, registries: Registries) -> LoadReport:
    file = folder / f"{name}.py"
    file.write_text(text)
    return load(name, partial(module_from, name, file), registries)


@pytest.fixture
def registries() -> Registries:
    return Registries()


def test_a_sampler_is_registered_with_its_options_and_help(tmp_path: Path, registries: Registries) -> None:
    report = load_text(tmp_path, "mine", SAMPLER.format(name="still", label="Still"), registries)
    entry = registries.samplers.get("STILL")
    assert (report.reason, report.adds) == ("", ("sampler Still",))
    assert (entry.owner, entry.value.help) == ("mine", "One line of help.")
    assert entry.value.options == {"eta": Option("eta", 1.0)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def register(ext:", "SyntaxError"),
        ("import no_such_thing", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "AttributeError"),
        ("def register(ext):\n    ext.sampler(lambda x: x)", "does not take denoise, sigmas, noise, on_step"),
        (
            "def s(denoise, x, sigmas, *, noise, on_step, eta): pass\ndef register(ext): ext.sampler(s)",
            "options of s need defaults: eta",
        ),
        (SAMPLER.format(name="late", label="Late") + "    raise RuntimeError('half-way')", "half-way"),
    ],
    ids=["syntax", "missing import", "exit", "no register", "wrong signature", "no default", "half-way"],
)
def test_a_broken_one_leaves_nothing_and_says_why(
    tmp_path: Path, registries: Registries, text: str, reason: str
) -> None:
    report = load_text(tmp_path, "broken", text, registries)
    assert reason in report.reason
    assert "Traceback" in report.details
    assert len(registries.samplers) == 0


def test_a_clash_puts_the_later_one_off_whole(tmp_path: Path, registries: Registries) -> None:
    load_text(tmp_path, "first", SAMPLER.format(name="one", label="One"), registries)
    clashing = "def three(denoise, x, sigmas, *, noise, on_step): return x\n"
    second = clashing + SAMPLER.format(name="two", label="Two") + "    ext.sampler(three, label='one')\n"
    report = load_text(tmp_path, "second", second, registries)
    assert "of second is already taken by first" in report.reason
    assert registries.samplers.ids() == ["one"]


def test_files_and_folders_are_found_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b.py", "_a.py", ".c.py", "note.txt", "d/__init__.py", "e/other.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [name for name, _ in find([tmp_path, tmp_path / "missing"])] == ["b", "d"]


def test_built_ins_register_like_extensions(tmp_path: Path) -> None:
    registries, reports = load_all(Settings(home=tmp_path, safe_mode=True))
    assert reports == []
    assert "DPM++ 2M" in registries.samplers
    assert "Karras" in registries.schedules
    assert registries.tasks.ids() == ["txt2img", "img2img", "inpaint", "erase", "denoise", "upscale"]
    assert registries.fillers.ids() == ["blur", "telea", "navier_stokes", "patch"]
    assert registries.selectors.ids() == ["flood", "grab_cut"]
    assert registries.restorers.ids()[:3] == ["non_local_means", "wavelet", "total_variation"]


def test_a_restorer_that_takes_no_pixels_is_refused(tmp_path: Path) -> None:
    text = "def odd(picture):\n    return picture\ndef register(ext):\n    ext.restorer(odd)\n"
    (tmp_path / "odd.py").write_text(text)
    _, reports = load_all(Settings(home=tmp_path, extension_folders=(tmp_path,)))
    (report,) = [one for one in reports if one.name == "odd"]
    assert "restorer odd does not take pixels" in report.reason


def test_a_broken_drop_in_is_reported_and_the_rest_works(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise ValueError('broken')")
    (tmp_path / "good.py").write_text(SAMPLER.format(name="still", label="Still"))
    registries, reports = load_all(Settings(home=tmp_path, extension_folders=(tmp_path,)))
    assert {r.name: r.reason for r in reports if r.name in ("bad", "good")} == {"bad": "ValueError: broken", "good": ""}
    assert "Still" in registries.samplers
