"""The author's guide is executed: what it shows registers and works."""

from __future__ import annotations

import re
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdtoolbox.extensions import Extension, Registries, load
from sdtoolbox.selectors.selecting import select
from sdtoolbox.settings import bundled
from sdtoolbox.tasks.mixing import Registered
from tests.fakes import GaussianModel, builtin_registries, gaussian_solution
from tests.samplers.problems import geometric, run

TEXT = (bundled("extensions") / "README.md").read_text("utf-8")
SECTIONS = {
    section.split("\n", 1)[0]: re.findall(r"```python\n(.*?)```", section, re.DOTALL) for section in TEXT.split("\n## ")
}


def extension_of(section: str) -> SimpleNamespace:
    """What the code of a section defines."""
    names: dict[str, Any] = {}
    exec(compile("\n".join(SECTIONS[section]), section, "exec"), names)
    return SimpleNamespace(**names)


@pytest.mark.parametrize(
    ("section", "adds"),
    [
        ("A sampler", "sampler My sampler"),
        ("A schedule", "schedule My schedule"),
        ("An upscaler", "upscaler My upscaler"),
        ("A restorer", "restorer My restorer"),
        ("A filler", "filler My filler"),
        ("A selector", "selector My selector"),
        ("A task", "task My task"),
        ("A tab", "tab My tab"),
    ],
)
def test_what_the_guide_shows_registers(section: str, adds: str) -> None:
    report = load("mine", lambda: extension_of(section), builtin_registries())  # type: ignore[arg-type,return-value]
    assert (report.adds, report.reason) == ((adds,), "")


def test_the_sampler_of_the_guide_draws() -> None:
    found = run(extension_of("A sampler").my_sampler, 7.0, geometric(10, 0.1, 200))
    assert found == pytest.approx(gaussian_solution(7.0, 10, 0.1), rel=0.03)


def test_the_schedule_of_the_guide_falls_to_zero() -> None:
    sigmas = extension_of("A schedule").my_schedule(20, GaussianModel().noise_table)
    assert len(sigmas) == 21
    assert sigmas[-1] == 0
    assert all(a > b for a, b in pairwise(sigmas))


def test_the_filler_and_the_selector_of_the_guide_work() -> None:
    pixels = np.full((8, 8, 3), 90, np.uint8)
    pixels[2:4, 2:5] = 10
    mask = select(registered(extension_of("A selector")).selectors.get("my_selector"), pixels, [(2, 2)])
    assert np.array_equal(mask > 0, pixels[..., 0] == 10)
    filled = registered(extension_of("A filler")).fillers.get("my_filler").value.function(pixels, mask > 0)
    assert (filled == 90).all()


def test_the_restorer_of_the_guide_smooths() -> None:
    pixels = np.random.default_rng(0).random((40, 50, 3), np.float32)
    entry = registered(extension_of("A restorer")).restorers.get("my_restorer")
    assert (entry.value.needs, entry.value.reach) == (("noise",), 16)
    found = Registered(entry)(pixels, noise=0.2, amount=1.0)
    assert found.shape == pixels.shape and found.std() < pixels.std() / 2


def registered(module: SimpleNamespace) -> Registries:
    registries = Registries()
    assert not load("mine", lambda: module, registries).reason  # type: ignore[arg-type,return-value]
    return registries


def test_everything_an_author_may_add_is_in_the_guide() -> None:
    added = {name for name in vars(Extension) if not name.startswith("_")} - {"merge"}
    assert added == {kind.removesuffix("s") for kind in Registries.__dataclass_fields__}
    assert all(f"ext.{name}(" in TEXT for name in added)
