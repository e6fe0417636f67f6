"""The author's guide is executed: what it shows registers, and does what is said of it."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.extensions.manifest import API, FIELDS, read_manifest
from sdtoolbox.extensions.reference import reference
from sdtoolbox.extensions.skeletons import KINDS, guide, section_of
from sdtoolbox.selectors.selecting import select
from sdtoolbox.tasks.mixing import Registered
from sdtoolbox.testing import check_extension
from tests.fakes import GaussianModel, builtin_registries, gaussian_solution
from tests.samplers.problems import geometric, run
from tests.test_house import ROOT

EXAMPLES = re.findall(r"```python\n(.*?)```", guide(), re.DOTALL)


def example_of(kind: str) -> SimpleNamespace:
    """What the code of a kind's section defines."""
    names: dict[str, Any] = {"__name__": "my_thing"}
    exec(compile(section_of(kind)[1], kind, "exec", dont_inherit=True), names)
    return SimpleNamespace(**names)


def drafted(kind: str) -> Extension:
    """What that code registers."""
    extension = Extension("my_thing")
    example_of(kind).register(extension)
    return extension


def registered(kind: str) -> Registries:
    """The built-ins, and what it registers."""
    registries = builtin_registries()
    registries.merge(drafted(kind).draft)
    return registries


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_an_example_that_adds_it(kind: str) -> None:
    registered(kind)
    added = {one for one, _ in drafted(kind).draft}
    if kind != "settings":  # they are read, and nothing is added
        assert f"{kind}s" in added or f"{kind}es" in added


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_keeps_what_its_kind_promises(kind: str) -> None:
    check_extension(example_of(kind).register)


@pytest.mark.parametrize("kind", KINDS)
def test_each_argument_is_in_the_guide(kind: str) -> None:
    words = "".join(section_of(kind))
    method = getattr(Extension, kind)
    # What is not named in calls is what the example shows.
    named = [one.name for one in inspect.signature(method).parameters.values() if one.kind is one.KEYWORD_ONLY]
    for name in named:
        assert f"{name}=" in words or f"`{name}`" in words, f"the guide does not tell of {name} of ext.{kind}"


def test_every_method_tells_of_itself() -> None:
    for kind in KINDS:
        assert (inspect.getdoc(getattr(Extension, kind)) or "").split(".")[0], kind
        assert f"ext.{kind}(" in guide()


def test_the_reference_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "extensions-reference.md").read_text("utf-8")
    again = "python -m sdtoolbox.extensions.reference > docs/extensions-reference.md"
    assert written == reference(), f"run {again}"


def test_the_examples_of_python_are_python() -> None:
    for code in EXAMPLES:
        ast.parse(code)


def test_the_manifest_of_the_guide_is_read() -> None:
    (text,) = [code for code in EXAMPLES if code.startswith("API")]
    manifest = read_manifest(text)
    assert all(f"{name} =" in text for name in FIELDS)
    assert (manifest.api, manifest.version, manifest.needs) == (API, "1.0", ("scipy>=1.10",))


def test_the_tests_of_the_guide_pass() -> None:
    names = vars(example_of("sampler"))
    section = guide().partition("\n## Test it\n")[2]
    code = "\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
    exec(compile(code, "Test it", "exec", dont_inherit=True), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()


def test_the_sampler_is_seven_lines_and_draws() -> None:
    code = section_of("sampler")[1]
    body = code[code.index("def my_sampler") : code.index("def register")].strip().split("\n")
    assert len(body) == 7 and len(section_of("tab")[1].partition("def register")[0].strip().split("\n")) <= 5
    found = run(example_of("sampler").my_sampler, 7.0, geometric(10, 0.1, 200))
    assert found == pytest.approx(gaussian_solution(7.0, 10, 0.1), rel=0.03)


def test_the_schedule_falls_to_zero() -> None:
    sigmas = example_of("schedule").my_schedule(20, GaussianModel().noise_table)
    assert len(sigmas) == 21
    assert sigmas[-1] == 0
    assert all(a > b for a, b in pairwise(sigmas))


def test_the_filler_and_the_selector_work() -> None:
    pixels = np.full((8, 8, 3), 90, np.uint8)
    pixels[2:4, 2:5] = 10
    mask = select(registered("selector").selectors.get("my_selector"), pixels, [(2, 2)])
    assert np.array_equal(mask > 0, pixels[..., 0] == 10)
    filled = registered("filler").fillers.get("my_filler").value.function(pixels, mask > 0)
    assert (filled == 90).all()


def test_the_restorer_smooths() -> None:
    pixels = np.random.default_rng(0).random((40, 50, 3), np.float32)
    entry = registered("restorer").restorers.get("my_restorer")
    assert (entry.value.needs, entry.value.reach) == (("noise",), 16)
    found = Registered(entry)(pixels, noise=0.2, amount=1.0)
    assert found.shape == pixels.shape and found.std() < pixels.std() / 2
