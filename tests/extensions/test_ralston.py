"""The shipped example: loads as any drop-in file, and is of the order that it claims."""

from __future__ import annotations

import math

import pytest

from sdtoolbox.builtin import load_all
from sdtoolbox.registered import SamplerInfo
from sdtoolbox.settings import Settings
from tests.extensions.shipped import registered, shipped
from tests.fakes import gaussian_solution
from tests.samplers.problems import geometric, run


@pytest.fixture
def ralston() -> SamplerInfo:
    info: SamplerInfo = registered(shipped("ralston")).samplers.get("RALSTON").value
    return info


def test_order_of_convergence(ralston: SamplerInfo) -> None:
    def error(steps: int) -> float:
        return abs(run(ralston.function, 7.0, geometric(10, 0.1, steps)) - gaussian_solution(7.0, 10, 0.1))

    assert math.log2(error(80) / error(160)) == pytest.approx(2, abs=0.1)


def test_it_reaches_zero_without_a_special_case(ralston: SamplerInfo) -> None:
    assert run(ralston.function, 7.0, [*geometric(10, 0.01, 40), 0.0]) == pytest.approx(7 / 101**0.5, rel=0.01)


def test_its_first_sentence_is_its_help(ralston: SamplerInfo) -> None:
    assert ralston.help.startswith("Looks again at two thirds of each step")
    assert ralston.options == {}


def test_shipped_extensions_load_and_safe_mode_loads_none(tmp_path) -> None:  # type: ignore[no-untyped-def]
    registries, reports = load_all(Settings(home=tmp_path))
    assert "Ralston" in registries.samplers
    assert [report.reason for report in reports] == [""] * len(reports)
    registries, reports = load_all(Settings(home=tmp_path, safe_mode=True))
    assert "Ralston" not in registries.samplers
    assert reports == []
