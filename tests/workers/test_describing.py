"""What a picture's file says about itself depends on nothing but the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox import __version__
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers.describing import described
from sdtoolbox.workers.parts import Parts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with Toolbox.open(home=tmp_path, safe_mode=True) as toolbox:
        yield toolbox._parts


def test_both_texts_are_of_the_same_request(parts: Parts) -> None:
    request = Denoise.parse({"image": "a" * 32, "noise": 3, "stages": ["median", "gone"], "crf": 20, "frames": 5})
    said = described(parts, request, {"device": "cpu"}, {"noise": 3.0}, seed=7, index=2)
    assert (
        "Restore stages: Median (specks); gone" in said.parameters.replace('"', "")
        and "Video CRF: 20" in said.parameters
    )
    assert said.exact == {
        "sdtoolbox": __version__,
        "task": "denoise",
        "request": request.model_dump(mode="json"),
        "index": 2,
        "seed": 7,
        "environment": {"device": "cpu"},
        "measured": {"noise": 3.0},
    }


def test_nothing_measured_is_not_said(parts: Parts) -> None:
    assert "measured" not in described(parts, Denoise.parse({"image": "a" * 32}), {}, {}).exact
