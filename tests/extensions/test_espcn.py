"""ESPCN: recognised, loaded, used as an upscaler and a stage, and drawn again; its errors hurt one job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional

from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.errors import UserError
from sdtoolbox.models.added import AddedArchitectures
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.replay import replay
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.extensions.shipped import registered, shipped

RNG = np.random.default_rng(5)
BROKEN = """
def detect(shapes):
    return 2 if "broken.weight" in shapes else None

def build(tensors):
    from torch import nn

    class Broken(nn.Conv2d):
        def forward(self, image):
            return {forward}

    return Broken(3, 3, 1)

def register(ext):
    ext.architecture("broken", detect=detect, build=build)
"""


def weights(scale: int, colours: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random ones, but for a middle that passes brightness on nearly as it is: results look like pictures."""
    generator = torch.Generator().manual_seed(seed)
    sides = {"first_part.0": (8, colours, 5), "first_part.2": (6, 8, 3), "last_part.0": (colours * scale**2, 6, 3)}
    found = {}
    for layer, (made, seen, size) in sides.items():
        weight = torch.randn((made, seen, size, size), generator=generator) * 0.02
        for i in range(made):
            weight[i, i % seen, size // 2, size // 2] += 1.05
        found |= {f"{layer}.weight": weight, f"{layer}.bias": torch.zeros(made)}
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("espcn")
    for name, scale, colours in (("quick-x2", 2, 1), ("quick-x3", 3, 1), ("coloured-x4", 4, 3)):
        save_file(weights(scale, colours), folder / f"{name}.safetensors")
    save_file({"broken.weight": torch.zeros(1)}, folder / "broken.safetensors")
    return folder


@pytest.fixture(scope="module")
def manager(models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManager:
    registries = registered(shipped("espcn"))
    catalog = Catalog([models], architectures=AddedArchitectures(lambda: registries.architectures))
    return ModelManager(catalog, Settings(home=tmp_path_factory.mktemp("home"), device="cpu", threads=1))


@pytest.fixture
def toolbox(models: Path, tmp_path: Path) -> Iterator[Toolbox]:
    extensions = tmp_path / "extensions"
    extensions.mkdir()
    home = tmp_path / "home"
    settings = Settings(
        home=home,
        device="cpu",
        threads=1,
        model_folders=(models,),
        extension_folders=(extensions,),
        extension_patience=60,
    )
    with Toolbox.open(settings) as opened:
        yield opened


def test_its_scale_is_told_by_its_last_layer() -> None:
    detect = shipped("espcn").detect
    for scale in (2, 3, 4):
        for colours in (1, 3):
            shapes = {name: tuple(one.shape) for name, one in weights(scale, colours).items()}
            assert detect(shapes) == scale
    assert detect({}) is None
    assert detect({**shapes, "more.weight": (1,)}) is None
    assert detect({**shapes, "last_part.0.weight": (47, 6, 3, 3)}) is None
    assert detect({**shapes, "first_part.0.weight": ()}) is None


def test_colours_are_those_of_bicubic_and_brightness_is_the_networks(manager: ModelManager) -> None:
    pixels = RNG.random((12, 16, 3), dtype=np.float32) * 0.4 + 0.3
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    kept = weights(2, 1)
    luma = torch.tensor([65.481, 128.553, 24.966]).view(1, 3, 1, 1) / 255
    seen = (image * luma).sum(1, keepdim=True) + 16 / 255
    for layer in ("first_part.0", "first_part.2"):
        weight = kept[f"{layer}.weight"]
        seen = torch.tanh(functional.conv2d(seen, weight, padding=weight.shape[-1] // 2))
    wanted = functional.pixel_shuffle(functional.conv2d(seen, kept["last_part.0.weight"], padding=1), 2)
    with manager.restorer("quick-x2") as network:
        found = torch.from_numpy(network(pixels, noise=0.0)).permute(2, 0, 1)[None]
        assert network.scale == 2 and network.reach in (3, 4)
    assert found.shape == (1, 3, 24, 32)
    plain = functional.interpolate(image, scale_factor=2, mode="bicubic")
    inside = ((found > 0) & (found < 1)).all(1, keepdim=True)
    assert inside.float().mean() > 0.5
    brightness = (found * luma).sum(1, keepdim=True) + 16 / 255
    assert ((brightness - wanted).abs() * inside).max() < 1e-4
    moved = found - plain
    assert ((moved - moved.mean(1, keepdim=True)).abs() * inside).max() < 1e-5, "all three move alike: the hue stays"


def test_of_three_colours_it_enlarges_them_itself(manager: ModelManager) -> None:
    with manager.restorer("coloured-x4") as network:
        assert network(RNG.random((9, 7, 3), dtype=np.float32), noise=0.0).shape == (36, 28, 3)
        said = network.environment
    assert "spandrel" not in said
    assert [one["name"] for one in said["networks"]] == ["coloured-x4", "ESPCN of the extension shipped"]


def test_it_upscales_is_an_upscaler_elsewhere_and_is_replayed(toolbox: Toolbox, tmp_path: Path) -> None:
    listed = {entry.name: (entry.state, entry.variant, entry.scale) for entry in toolbox.catalog.ready("restorer")}
    assert listed["quick-x3"] == ("ready", "espcn", 3)
    file = tmp_path / "small.png"
    Image.fromarray(RNG.integers(60, 200, (20, 30, 3)).astype(np.uint8)).resize((60, 40)).save(file)
    image = toolbox.add_picture(file)
    (picture,) = toolbox.run("upscale", image=image, upscaler="quick-x2", scale=2).pictures
    path = toolbox.picture_path(picture.id)
    with Image.open(path) as drawn:
        assert drawn.size == (120, 80)
        assert "quick-x2" in drawn.text["parameters"]  # type: ignore[attr-defined]
    assert replay(path, toolbox).identical
    toolbox.switch_extension("espcn", on=False)
    with pytest.raises(UserError, match="the extension espcn, which is off") as error:
        toolbox.run("upscale", image=image, upscaler="quick-x2", scale=2)
    assert error.value.code == "EXTENSION_FAILED"
    toolbox.switch_extension("espcn", on=True)
    assert replay(path, toolbox).identical


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("image", r"the architecture broken of the extension wrong gave \(1, 3, .* instead of"),
        ("1 / 0", r"the extension wrong failed in job 1 \(ZeroDivisionError\)"),
        ("image.repeat(1, 1, 2, 2) * float('nan')", "numbers that are not finite"),
    ],
)
def test_a_network_that_fails_ends_its_job_and_no_other(
    toolbox: Toolbox, tmp_path: Path, forward: str, said: str
) -> None:
    (tmp_path / "extensions" / "wrong.py").write_text(BROKEN.format(forward=forward))
    toolbox.reload_extensions()
    file = tmp_path / "small.png"
    Image.new("RGB", (40, 30), "red").save(file)
    image = toolbox.add_picture(file)
    with pytest.raises(UserError, match=said) as error:
        toolbox.run("upscale", image=image, upscaler="broken", scale=2)
    assert error.value.code == ("NUMERIC" if "nan" in forward else "EXTENSION_FAILED")
    assert toolbox.run("upscale", image=image, upscaler="quick-x2", scale=2).pictures
