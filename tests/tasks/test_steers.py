"""Steers of extensions: found by name, held against their options, put around the denoiser in every pass."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch

from sdtoolbox.errors import Code, InvalidRequest, UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.images.metadata import read_texts
from sdtoolbox.images.opening import open_picture
from sdtoolbox.registered import SteerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import Limits, Option
from sdtoolbox.schema.results import Result
from sdtoolbox.schema.steers import ChosenSteer
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.testing import fake_toolbox
from sdtoolbox.toolbox import Toolbox
from tests.fakes import FakeContext, GaussianModel

calls: list[Any] = []


def brighter(denoise: Any, *, by: Annotated[float, Limits(0, 2)] = 0.5) -> Any:
    """Adds to every estimate.

    More."""

    def steered(x: Any, sigma: float) -> Any:
        calls.append(by)
        return denoise(x, sigma) + by

    return steered


def asking(denoise: Any, *, prompted: Any, guidance_scale: float, sigmas: Any, noise_table: Any) -> Any:
    calls.append((guidance_scale, sigmas, noise_table))

    def steered(x: Any, sigma: float) -> Any:
        guided = denoise(x, sigma)
        calls.append(prompted(x, sigma))
        return guided

    return steered


def register(ext: Extension) -> None:
    ext.steer(brighter, label="Much Brighter")
    ext.steer(asking)


@pytest.fixture
def toolbox() -> Iterator[Toolbox]:
    calls.clear()
    with fake_toolbox(register) as opened:
        yield opened


def mean(toolbox: Toolbox, result: Result) -> float:
    (picture,) = result.pictures
    return float(np.asarray(open_picture(toolbox.picture_path(picture.id))).mean())


def test_it_registers_with_its_help_its_options_and_its_needs() -> None:
    extension = Extension("mine")
    register(extension)
    first, second = (entry.value for _, entry in extension.draft)
    assert (first.help, list(first.options), first.needs) == ("Adds to every estimate.", ["by"], ())
    assert second.needs == ("prompted", "guidance_scale", "sigmas", "noise_table") and not second.options
    with pytest.raises(TypeError, match="steer <lambda> does not take denoise"):
        extension.steer(lambda x: x)


def test_a_steer_moves_the_picture_and_is_written_into_it(toolbox: Toolbox) -> None:
    plain = toolbox.run("txt2img", prompt="a house", seed=3)
    steered = toolbox.run("txt2img", prompt="a house", seed=3, steers="Much Brighter: by=1")
    assert mean(toolbox, steered) > mean(toolbox, plain) + 10
    assert Txt2Img.parse(steered.request).steers == (ChosenSteer(steer="brighter", options={"by": 1.0}),)
    path = toolbox.picture_path(steered.pictures[0].id)
    texts = read_texts(path)
    assert '"Much Brighter: by=1.0"' in texts["parameters"]
    assert toolbox.recall(texts["parameters"]).values["steers"] == "Much Brighter: by=1.0"
    recalled = toolbox.run_request(toolbox.parse("txt2img", toolbox.recall(path).values))
    assert mean(toolbox, recalled) == mean(toolbox, steered)


def test_each_is_put_around_the_one_before_and_ours_are_inside() -> None:
    order: list[str] = []

    def naming(name: str) -> Callable[[Any], Any]:
        def steer(denoise: Any) -> Any:
            def steered(x: Any, sigma: float) -> Any:
                order.append(name)
                return denoise(x, sigma)

            return steered

        return steer

    ctx = FakeContext({})
    for name in ("one", "two"):
        ctx.registries.steers.add(Entry(name, name, "test", SteerInfo(naming(name))))
    request = Txt2Img.parse({"prompt": "a", "guidance_scale": 3, "sampler": "euler", "steers": ["one", "two"]})
    denoise = diffusion.guided(GaussianModel(), request, ctx, [9.0, 1.0, 0.0], [naming("mask")]).guided
    denoise(torch.zeros(1, 4, 2, 2), 1.0)
    assert order == ["mask", "two", "one"]


def test_it_is_there_in_both_drawings_of_hires_fix(toolbox: Toolbox) -> None:
    toolbox.run("txt2img", prompt="a", seed=1, steps=3, sampler="euler", steers="brighter")
    once = len(calls)
    values = {"hires": True, "hires_strength": 1.0, "hires_upscaler": "latent"}
    toolbox.run("txt2img", prompt="a", seed=1, steps=3, sampler="euler", steers="brighter", **values)
    assert (once, len(calls) - once) == (3, 6)


def test_what_it_asks_for_comes_from_the_same_network_call() -> None:
    calls.clear()
    model, ctx = GaussianModel(), FakeContext({})
    ctx.registries.merge(_draft())
    request = Txt2Img.parse({"prompt": "a", "guidance_scale": 3, "sampler": "euler", "steers": "asking"})
    denoise = diffusion.guided(model, request, ctx, [9.0, 1.0, 0.0]).guided
    x = torch.ones(1, 4, 2, 2)
    denoise(x, 1.0)
    (scale, sigmas, table), prompted = calls
    assert (scale, sigmas, table) == (3, (9.0, 1.0, 0.0), model.noise_table)
    assert torch.allclose(prompted, x / 2 + 0.001)
    assert model.predictions == [2]


def _draft() -> list[Any]:
    extension = Extension("mine")
    register(extension)
    return extension.draft


@pytest.mark.parametrize(
    ("steers", "said"),
    [
        ("sharper", r"there is no steer 'sharper'\. There are: Much Brighter, asking\."),
        ("brighter: on=1", r"steer Much Brighter has no option 'on'\. Its options are: by\."),
        ("brighter: by=3", r"option by of steer Much Brighter cannot be 3\. Allowed is a number from 0 to 2\."),
    ],
)
def test_a_mistake_is_named_at_submit_with_what_is_allowed(toolbox: Toolbox, steers: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        toolbox.submit(toolbox.parse("txt2img", {"steers": steers}))
    assert (caught.value.code, caught.value.field) == ("PARAM_INVALID", "steers")
    with pytest.raises(InvalidRequest) as several:
        toolbox.submit(toolbox.parse("txt2img", {"steers": f"{steers}; nothing"}))
    assert [problem.field for problem in several.value.problems] == ["steers", "steers"]


@pytest.mark.parametrize(
    ("steer", "code", "said"),
    [
        (lambda denoise: None, "EXTENSION_FAILED", "gave NoneType instead of a denoiser"),
        (lambda denoise: lambda x, sigma: denoise(x, sigma)[..., :1], "EXTENSION_FAILED", "instead of torch.Size"),
        (lambda denoise: lambda x, sigma: None, "EXTENSION_FAILED", "gave NoneType instead of torch.Size"),
        (lambda denoise: lambda x, sigma: denoise(x, sigma) / 0, "NUMERIC", "not finite at noise level"),
    ],
)
def test_one_that_misbehaves_ends_the_job_by_its_name(steer: Any, code: Code, said: str) -> None:
    steer.__name__ = "bad"
    with fake_toolbox(lambda ext: ext.steer(steer, label="Bad One")) as toolbox:
        with pytest.raises(UserError, match=rf"the steer Bad One of \w+ .*{said}") as caught:
            toolbox.run("txt2img", steers="bad")
        assert (caught.value.code, caught.value.field) == (code, "steers")
        toolbox.run("txt2img")


def test_an_axis_of_a_plot_goes_through_steers_and_none(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt="a", seed=2, plot='x: steers: none, brighter, "brighter: by=1, "')
    found = [one.request["steers"] for one in result.pictures if one.request["plot"] is None]
    assert [json.dumps([steer["options"] for steer in steers]) for steers in found] == ["[]", "[{}]", '[{"by": 1.0}]']


FILE = """
def nudge(denoise, *, by=1.0):
    '''Moves a little.'''
    def steered(x, sigma):
        return denoise(x, sigma) + 0.1 / by
    return steered

def register(ext):
    ext.steer(nudge, label="Nudge")
"""


def test_one_of_a_file_is_described_blamed_and_missed_when_it_is_off(tmp_path: Path) -> None:
    (tmp_path / "nudging.py").write_text(FILE)
    options = {"safe_mode": False, "extension_folders": (tmp_path,), "extension_patience": 60}
    with fake_toolbox(**options) as toolbox:
        assert toolbox.registries.steers.get("Nudge").value.options == {"by": Option("by", 1.0)}
        assert "sdtoolbox_extensions.nudging" not in sys.modules  # a description is enough
        toolbox.run("txt2img", steers="nudge: by=2")
        assert "sdtoolbox_extensions.nudging" in sys.modules
        with pytest.raises(UserError, match=r"the extension nudging failed in job 2 \(ZeroDivisionError\)"):
            toolbox.run("txt2img", steers="nudge: by=0")
        toolbox.switch_extension("nudging", on=False)
        with pytest.raises(UserError, match="the steer nudge is part of the extension nudging, which is off") as caught:
            toolbox.run("txt2img", steers="nudge")
        assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "steers")
