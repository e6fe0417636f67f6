"""A plot's cells are ordinary requests; its plan says all, so that nothing can change it any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.plotting import cells_of, count_cells
from sdtoolbox.toolbox import Toolbox


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    with Toolbox.open(home=home, model_folders=(tiny_models,)) as opened:
        yield opened


def planned(toolbox: Toolbox, **values: Any) -> Txt2Img:
    request = Txt2Img.parse({"checkpoint": "tiny", "prompt": "a red house"} | values)
    return toolbox.resolve(request)


def test_every_cell_is_a_resolved_request_with_its_place(toolbox: Toolbox) -> None:
    request = planned(toolbox, plot=["x: steps: 2-4", "y: sampler: Euler, DPM++ 2M", "z: CFG scale: 1, 5"])
    cells = dict(cells_of(request))
    assert len(cells) == count_cells(request) == 12
    assert all(toolbox.resolve(cell) == cell and cell.plot is None for cell in cells.values())
    one = cells[2, 1, 1]
    assert (one.steps, one.sampler, one.guidance_scale) == (4, "dpmpp_2m", 5.0)
    assert request.plot is not None
    assert request.plot.plan is not None
    assert request.plot.plan.legends[0] == ("Steps: 2", "Steps: 3", "Steps: 4")


def test_resolving_twice_changes_nothing_and_json_keeps_it(toolbox: Toolbox) -> None:
    request = planned(toolbox, plot="x: seed: -1, -1")
    assert toolbox.resolve(request) == request
    assert Txt2Img.parse(json.loads(request.model_dump_json())) == request


def test_one_seed_is_drawn_for_all_cells(toolbox: Toolbox) -> None:
    request = planned(toolbox, plot="x: steps: 1-3", variation_strength=0.5)
    assert request.seed >= 0
    assert {(cell.seed, cell.variation_seed) for _, cell in cells_of(request)} == {
        (request.seed, request.variation_seed)
    }


def test_the_plot_keeps_the_words_that_its_axes_look_for(toolbox: Toolbox) -> None:
    request = planned(toolbox, prompt="a red house, {big|big}", plot="x: prompt_sr: red, blue")
    assert request.prompt == "a red house, {big|big}"
    assert [cell.prompt for _, cell in cells_of(request)] == ["a red house, big", "a blue house, big"]


def test_a_matrix_alone_is_spread_over_both_axes(toolbox: Toolbox) -> None:
    request = planned(toolbox, prompt="a | b | c | d", plot="x: prompt_matrix")
    assert {place for place, _ in cells_of(request)} == {(x, y, 0) for x in range(4) for y in range(2)}
    assert dict(cells_of(request))[3, 1, 0].prompt == "a, b, c, d"


def test_cells_of_one_checkpoint_are_drawn_together(toolbox: Toolbox) -> None:
    # By place the checkpoints would alternate with every picture.
    request = planned(toolbox, width=64, height=64, plot=["x: checkpoint: tiny, storybook", "y: steps: 1-3"])
    drawn = [(cell.checkpoint, cell.steps) for _, cell in cells_of(request)]
    assert [steps for _, steps in drawn] == [1, 2, 3, 1, 2, 3]
    assert len({checkpoint for checkpoint, _ in drawn[:3]}) == len({checkpoint for checkpoint, _ in drawn[3:]}) == 1


@pytest.mark.parametrize(
    ("plot", "code", "said"),
    [
        ("x: steps: 2000", "PARAM_INVALID", "cell 'Steps: 2000' cannot be drawn"),
        ("x: sampler: Nobody", "PARAM_INVALID", "there is no sampler 'Nobody'"),
        ("x: checkpoint: nobody", "MODEL_MISSING", "there is no checkpoint 'nobody'"),
        ("x: steps: 1-40\ny: seed: 1-40", "PARAM_INVALID", "1600 cells"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(toolbox: Toolbox, plot: str, code: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        planned(toolbox, plot=plot)
    assert said in str(caught.value)
    assert (caught.value.code, caught.value.field) == (code, "plot")
