from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage")

from sdtoolbox.training.restore import classical, measuring, networks
from sdtoolbox.training.restore.classical import Floats, psnr
from sdtoolbox.training.restore.measuring import INPUT, OURS, Network, noisy_pictures

RAMP = np.repeat(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))[..., None], 3, 2)
CLEAN = {"ramp": RAMP, "other": RAMP[::-1].transpose(1, 0, 2).copy()}


class Same(Network):
    """Gives back what it gets, enlarged where a scale is asked for."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    def __call__(self, picture: Floats, value: float | None = None) -> Floats:
        return picture.repeat(self.scale, 0).repeat(self.scale, 1)


def test_noise_is_the_same_for_every_method_and_has_the_level_that_is_said() -> None:
    first, again = noisy_pictures(CLEAN, 25, rounded=False), noisy_pictures(CLEAN, 25, rounded=False)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert (first[0] - RAMP / 255.0).std() == pytest.approx(25.0 / 255.0, rel=0.02)
    held = noisy_pictures(CLEAN, 25, rounded=True)[0] * 255.0
    assert np.allclose(held, held.round())


def test_references_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []

    def method(noisy: Floats, sigma: float) -> Floats:
        calls.append(sigma)
        return noisy

    monkeypatch.setattr(classical, "methods", lambda: {"simple": [method], "BM3D": [method]})
    known = measuring.references(CLEAN, tmp_path / "references.json", lambda line: None)
    assert len(calls) == 18  # two pictures: both methods in 8 bits, one unrounded, at three levels
    assert measuring.references(CLEAN, tmp_path / "references.json", lambda line: None) == known
    assert len(calls) == 18
    assert list(known) == [*(f"{s} in 8 bits" for s in (15, 25, 50)), *(f"{s} unrounded" for s in (15, 25, 50))]
    assert list(known["25 unrounded"]) == ["BM3D"]


def test_what_gives_back_its_picture_gains_nothing() -> None:
    for figures in measuring.denoising(Same(), CLEAN, {"25 in 8 bits": {}, "25 unrounded": {}}).values():
        assert figures[OURS] == figures[INPUT]
    for figures in measuring.cleaning(Same(), CLEAN).values():
        assert figures[OURS] == figures[INPUT]


def test_upscaling_is_measured_against_filters() -> None:
    found = measuring.upscaling(Same(4), CLEAN, 4)
    assert list(found) == ["bicubic", "mildly degraded"]
    for rows in found.values():
        assert len(rows[OURS]) == len(CLEAN)
        assert np.mean(rows[OURS]) < np.mean(rows["Lanczos"])
    assert np.mean(found["mildly degraded"]["Lanczos"]) < np.mean(found["bicubic"]["Lanczos"])


def test_a_stored_network_is_called_with_its_map(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "net.safetensors"
    save_file({name: weight.half().contiguous() for name, weight in networks.unet(0).state_dict().items()}, path)
    network = Network(path)
    picture = RAMP / 255.0
    made = network(picture, 0.2)
    assert made.shape == picture.shape
    assert made.min() >= 0.0
    assert made.max() <= 1.0
    assert not np.array_equal(made, network(picture, 0.0))


def test_jpeg_files_are_spoiled_more_at_lower_quality() -> None:
    picture = Image.fromarray(RAMP)
    figures = [psnr(np.asarray(measuring.compressed(picture, quality)) / 255.0, RAMP) for quality in (5, 90)]
    assert figures[0] < figures[1]


def test_a_gain_and_its_interval() -> None:
    more, low, high = measuring.gain([31.0, 33.0, 32.0], [30.0, 31.0, 32.0])
    assert more == pytest.approx(1.0)
    assert 0.0 <= low < 1.0 < high <= 2.0
    assert measuring.gain([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0, 1.0)
