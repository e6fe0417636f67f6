"""Networks that restore faces, from a file in the catalog to a picture: small ones of real architectures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sdtoolbox.engine.devices import open_device
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.engine.restore.faces import FaceNetwork
from sdtoolbox.errors import UserError
from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.raster import Raster
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.protocols import FaceRestorer
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.images.faces.test_squares import ASTRONAUT
from tests.models.layouts.restorers import codeformer
from tests.onnx_files import write_yunet

RNG = np.random.default_rng(0)


def restoreformer() -> nn.Module:
    """Of its own six levels, as narrow as its norms allow."""
    from spandrel.architectures.RestoreFormer import RestoreFormer

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"n_embed": 16, "embed_dim": 32, "ch": 32, "z_channels": 32, "num_res_blocks": 1}
    return RestoreFormer(ch_mult=(1,) * 6, **sizes).eval()


def gfpgan(**sizes: Any) -> nn.Module:
    from spandrel.architectures.GFPGAN import GFPGAN

    torch.manual_seed(0)
    network = GFPGAN(**sizes)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith(("conv1.weight", "conv2.weight")) and weight.numel() == 1:
                weight.fill_(0.1)  # how much noise is added: a new network adds none
    return network.eval()


def save(network: nn.Module, path: Path, root: str = "") -> None:
    save_file({f"{root}{name}": weights.contiguous() for name, weights in network.state_dict().items()}, path)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "GFPGAN"
    folder.mkdir()
    save(restoreformer(), folder / "faces.safetensors")
    save_file(
        {
            "quantize.embedding.weight": torch.zeros(4, 4),
            "encoder.conv_in.weight": torch.zeros(4, 3, 3, 3),
            "encoder.down.5.block.0.norm1.weight": torch.zeros(4),
        },
        folder / "torn.safetensors",
    )
    return folder.parent


@pytest.fixture
def manager(models: Path, tmp_path: Path) -> ModelManager:
    return ModelManager(Catalog([models, tmp_path]), Settings(home=tmp_path / "home", device="cpu", threads=1))


def square(side: int) -> np.ndarray:
    return RNG.random((side, side, 3), dtype=np.float32)


def test_a_network_draws_what_spandrel_draws(manager: ModelManager, models: Path) -> None:
    from spandrel import ModelLoader

    pixels = square(512)
    theirs = ModelLoader().load_from_file(models / "GFPGAN" / "faces.safetensors").eval()
    with manager.restorer("faces") as ours:
        found = ours(pixels, noise=0.0)
        assert isinstance(ours, FaceRestorer) and ours.side == 512 and ours.scale == 1 and ours.invents
        environment = ours.environment
    wanted = theirs(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert found.shape == (512, 512, 3) and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-5 and np.ptp(found) > 0.01
    (named,) = environment["networks"]
    assert named["name"] == "faces" and len(named["sha256"]) == 64
    assert environment["precision"] == "float32" and environment["scikit-image"] and environment["opencv"]


def small_gfpgan() -> FaceNetwork:
    """One for squares of 32 pixels: a file's is made for 512, and has 90 million weights."""
    from spandrel.architectures.GFPGAN import GFPGANArch, ImageModelDescriptor

    network = gfpgan(out_size=32, num_style_feat=16, channel_multiplier=1, narrow=1 / 16, num_mlp=2)
    sizes: dict[str, Any] = {"supports_half": False, "supports_bfloat16": True, "input_channels": 3}
    known = ImageModelDescriptor(
        network, network.state_dict(), GFPGANArch(), "FaceSR", [], scale=1, output_channels=3, **sizes
    )
    entry = CatalogEntry(
        id="0" * 32, name="small", kind="restorer", base="unknown", state="ready", path=Path("s"), variant="gfpgan"
    )
    device = open_device(Settings(device="cpu", threads=1))
    return FaceNetwork(entry, known, device, torch.float32, "0", lambda: "", side=32)


def test_gfpgan_sees_colours_around_zero_and_the_noise_of_its_file() -> None:
    ours, pixels = small_gfpgan(), square(32)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    with torch.no_grad():
        drawn = ours.network(image * 2 - 1, return_rgb=False, randomize_noise=False)[0]
        other = ours.network(image * 2 - 1, return_rgb=False)[0]
    wanted = (drawn[0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()
    found = ours(pixels, noise=0.0)
    assert np.abs(found - wanted).max() < 1e-5
    assert np.array_equal(found, ours(pixels, noise=0.0)), "the same request gives the same bytes"
    assert (drawn - other).abs().max() > 1e-3, "noise that is drawn anew would show"


def test_the_astronauts_face_is_found_without_any_file(manager: ModelManager) -> None:
    from skimage import data

    pixels = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    with manager.restorer("faces") as network:
        assert isinstance(network, FaceNetwork)
        (face,) = network.faces(pixels)
        (deep,) = network.faces(pixels.astype(np.uint16) * 257)
    assert (face.x, face.y) == pytest.approx((112, 53), abs=3) and deep == face


def test_yunet_finds_them_where_somebody_brought_it_and_is_named(manager: ModelManager, tmp_path: Path) -> None:
    with manager.restorer("faces") as network:
        assert "scikit-image" in network.environment
    for name in ("face_detection_yunet_2023mar_int8", "face_detection_yunet_2023mar"):
        write_yunet(tmp_path / "detection" / f"{name}.onnx", [ASTRONAUT])
    manager._catalog.refresh()
    with manager.restorer("faces") as network:
        assert isinstance(network, FaceNetwork)
        (face,) = network.faces(np.zeros((512, 512, 3), np.uint8))
        environment = network.environment
    wanted = Face.of_points(ASTRONAUT)
    assert (face.x, face.y, face.side) == pytest.approx((wanted.x, wanted.y, wanted.side), abs=0.01)
    named = environment["networks"]
    assert [one["name"] for one in named] == ["faces", "face_detection_yunet_2023mar"]
    assert named[1]["kind"] == "detector" and len(named[1]["sha256"]) == 64
    assert "scikit-image" not in environment


def test_it_is_kept(manager: ModelManager) -> None:
    loadings: list[int] = []
    for _ in range(2):
        with manager.restorer("faces", on_loading=lambda: loadings.append(1)):
            pass
    assert len(loadings) == 1


def test_what_is_torn_is_refused(manager: ModelManager) -> None:
    with pytest.raises(UserError, match=r"torn\.safetensors cannot be loaded") as caught, manager.restorer("torn"):
        pass
    assert caught.value.code == "MODEL_CORRUPT"


def test_from_a_picture_to_a_result_with_nothing_else_changed(models: Path, tmp_path: Path) -> None:
    from skimage import data

    before = Raster(cv2.resize(data.astronaut(), (160, 160), interpolation=cv2.INTER_AREA))
    settings = {"home": tmp_path, "model_folders": (models,), "safe_mode": True, "device": "cpu", "threads": 1}
    with Toolbox.open(**settings) as toolbox:
        toolbox.catalog.refresh()
        given = {"noise": 0, "jpeg_quality": 100, "stages": ["faces"]}
        result = toolbox.run("denoise", image=toolbox.add_picture(before.png()), **given)
        after = Raster.read(toolbox.picture_path(result.pictures[0].id))
        nobody = toolbox.run("denoise", image=toolbox.add_picture(before.crop((0, 90, 70, 160)).png()), **given)
    changed = np.argwhere((after.pixels != before.pixels).any(axis=2))
    top, left = changed.min(axis=0)
    bottom, right = changed.max(axis=0)
    assert 40 < right - left < 60 and (left + right) / 2 == pytest.approx(225 * 160 / 512, abs=4)
    assert (top + bottom) / 2 == pytest.approx(106 * 160 / 512, abs=5)
    assert any("invented by faces" in warning for warning in result.warnings)
    assert nobody.warnings == ["no face was found: faces changed nothing"]


@pytest.mark.parametrize(
    ("task", "values", "said"),
    [
        ("denoise", {"stages": ["faces: strength=0.5"]}, "faces is told no noise level"),
        ("denoise", {"stages": ["faces: weight=0.5"]}, "faces has no option"),
        ("denoise", {"stages": ["codeformer"]}, "its licence does not permit every use"),
        ("upscale", {"upscaler": "faces"}, "put this one among the stages"),
    ],
)
def test_what_cannot_be_asked_of_it_is_said(
    models: Path, tmp_path: Path, task: str, values: dict[str, Any], said: str
) -> None:
    save_file({name: torch.zeros(1) for name in codeformer()}, tmp_path / "codeformer.safetensors")
    with Toolbox.open(home=tmp_path, model_folders=(models, tmp_path), safe_mode=True, device="cpu") as toolbox:
        toolbox.catalog.refresh()
        image = toolbox.add_picture(Raster(np.zeros((64, 64, 3), np.uint8)).png())
        with pytest.raises(UserError) as caught:
            toolbox.run(task, image=image, noise=0, jpeg_quality=100, **values)
    assert said in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gfpgan", "restoreformer"])
def test_files_of_full_size(name: str, tmp_path: Path) -> None:
    from spandrel.architectures.RestoreFormer import RestoreFormer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = gfpgan() if name == "gfpgan" else RestoreFormer().eval()
    save(network, tmp_path / f"{name}.safetensors", "params_ema." if name == "gfpgan" else "")
    manager = ModelManager(Catalog([tmp_path]), Settings(home=tmp_path / "home", device="cpu", threads=1))
    pixels = square(512)
    with manager.restorer(name) as ours:
        found = ours(pixels, noise=0.0)
        assert np.array_equal(found, ours(pixels, noise=0.0))
    assert found.shape == (512, 512, 3) and np.isfinite(found).all() and np.ptp(found) > 0
