"""What samplers report goes to their pictures: through batches, second passes, loops, masks, plots and the store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.images.metadata import read_text
from sdtoolbox.registered import SamplerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.replay import replay
from sdtoolbox.tasks.measuring import MOST, Reports
from sdtoolbox.testing import fake_toolbox
from sdtoolbox.testing.pictures import sample_bytes
from sdtoolbox.toolbox import Toolbox

ENTRY = Entry("mine", "My sampler", "author", SamplerInfo(print))
VALUES = {"checkpoint": "fake", "sampler": "reporting", "prompt": "a house", "seed": 3, "steps": 4}


def reporting(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any, measure: Any) -> Any:
    """Reports a number of the image's own, of how many numbers the image is, and how many steps were asked for."""
    x = denoise(x, sigmas[0])
    measure("own", x[:, 0, 0, 0])
    measure("places", [x[0, 0].numel()] * len(x))
    for i in range(len(sigmas) - 1):
        measure("steps", [i + 1] * len(x))  # the last report counts
        on_step(i, x, x)
    return x


def picture() -> bytes:
    from io import BytesIO

    from PIL import Image

    data = BytesIO()
    Image.fromarray(sample_bytes(32, 32)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def toolbox() -> Iterator[Toolbox]:
    def register(ext: Extension) -> None:
        ext.sampler(reporting)

    with fake_toolbox(register) as opened:
        yield opened


def test_numbers_are_kept_as_they_can_be_read() -> None:
    reports = Reports(ENTRY, 2)
    reports("rate", torch.tensor([1 / 3, 1.0]))
    reports("rate", [2 / 3, 123456789])
    reports("steps", (7, 8))
    assert reports.of_images == [{"rate": 0.666667, "steps": 7.0}, {"rate": 123457000.0, "steps": 8.0}]


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("rate", [1.0], "1 values of 'rate' for 2 images"),
        ("rate", [1.0, math.nan], "not finite"),
        ("Rate 1", [1.0, 1.0], "use a-z, 0-9 and _"),
        ("", [1.0, 1.0], "use a-z, 0-9 and _"),
    ],
)
def test_what_is_no_report_names_the_sampler(name: str, values: list[float], said: str) -> None:
    with pytest.raises(UserError) as caught:
        Reports(ENTRY, 2)(name, values)
    assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "sampler")
    assert "My sampler of author" in caught.value.message and said in caught.value.message


def test_nobody_reports_without_end() -> None:
    reports = Reports(ENTRY, 1)
    for i in range(MOST):
        reports(f"a{i}", [i])
    reports("a0", [5])
    with pytest.raises(UserError, match=f"more than {MOST}"):
        reports("b", [1])


def test_each_picture_of_a_batch_has_its_own(toolbox: Toolbox) -> None:
    pictures = toolbox.run("txt2img", **VALUES, batch_size=2, batch_count=2).pictures
    assert len({one.measured["own"] for one in pictures}) == 4
    assert [one.measured["steps"] for one in pictures] == [4, 4, 4, 4]
    alone = toolbox.run("txt2img", **VALUES | {"seed": 5}).pictures[0]
    assert alone.measured["own"] == pytest.approx(pictures[2].measured["own"], rel=1e-4)


def test_it_stands_in_the_file_and_is_drawn_again(toolbox: Toolbox) -> None:
    (one,) = toolbox.run("txt2img", **VALUES).pictures
    file = toolbox.picture_path(one.id)
    exact = read_text(file).exact
    assert exact is not None and exact["measured"] == one.measured
    assert replay(file, toolbox).identical


def test_of_two_passes_the_last_one_counts(toolbox: Toolbox) -> None:
    once = toolbox.run("txt2img", **VALUES).pictures[0].measured
    twice = toolbox.run("txt2img", **VALUES, hires=True, hires_steps=7).pictures[0].measured
    assert twice["places"] == 4 * once["places"] and twice["steps"] == 7
    other = toolbox.run("txt2img", **VALUES, hires=True, hires_sampler="euler").pictures[0].measured
    assert other == {}


def test_cells_of_a_plot_have_theirs_and_the_grid_has_none(toolbox: Toolbox) -> None:
    plot = {"x": {"field": "steps", "values": "2, 5"}}
    pictures = toolbox.run("txt2img", **VALUES, plot=plot).pictures
    assert [one.measured.get("steps") for one in pictures] == [2, 5, None]


def test_a_picture_that_is_drawn_anew_has_its_own(toolbox: Toolbox) -> None:
    image = toolbox.add_picture(picture())
    found = toolbox.run("img2img", **VALUES, image=image, strength=0.5, loops=2, exact_steps=True).pictures
    assert [one.measured["steps"] for one in found] == [4, 4]
    assert found[0].measured["own"] != found[1].measured["own"]
    (same,) = toolbox.run("img2img", **VALUES, image=image, strength=0).pictures
    assert same.measured == {}


def test_beside_what_is_measured_of_an_edge(toolbox: Toolbox) -> None:
    (one,) = toolbox.run("inpaint", **VALUES, image=toolbox.add_picture(picture()), outpaint_left=16).pictures
    assert {"seam", "own", "steps", "places"} == set(one.measured)
