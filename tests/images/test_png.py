from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdtoolbox.errors import UserError
from sdtoolbox.images import metadata, opening, png, raster
from sdtoolbox.images.metadata import png_bytes, read_text
from sdtoolbox.images.raster import Raster

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_what_is_written_comes_back(monkeypatch: pytest.MonkeyPatch, kind: type, alpha: bool, large: bool) -> None:
    monkeypatch.setattr(png, "LARGE", 1 if large else 10**9)
    monkeypatch.setattr(png, "BAND", 7)
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(40), np.arange(30))[..., None] * [1, 2, 3] * (257 if kind == np.uint16 else 1)
    pixels = np.concatenate([ramp, rng.integers(0, np.iinfo(kind).max + 1, (9, 30, 3))]).astype(kind)
    opaque = rng.integers(0, np.iinfo(kind).max + 1, (49, 30)).astype(kind) if alpha else None
    data = png_bytes(Raster(pixels, opaque, PROFILE), "a tree\nSteps: 3", {"wort": "Größe 雪"})
    found = Raster.read(data)
    assert np.array_equal(found.pixels, pixels) and found.pixels.dtype == kind
    assert (found.alpha is None) == (opaque is None)
    if opaque is not None:
        assert np.array_equal(found.alpha, opaque)  # type: ignore[arg-type]
    assert found.icc == PROFILE
    text = read_text(data)
    assert (text.parameters, text.exact) == ("a tree\nSteps: 3", {"wort": "Größe 雪"})
    assert data == png_bytes(Raster(pixels, opaque, PROFILE), "a tree\nSteps: 3", {"wort": "Größe 雪"})
    Image.open(BytesIO(data)).verify()  # checks every chunk's sum


def test_a_large_one_comes_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "LARGE", 1)
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 500, 3)).astype(np.uint8)
    sizes = [len(piece) for piece in png.pieces(pixels, None, None, {})]
    assert max(sizes) < 2_000_000 < sum(sizes)


def test_our_own_large_results_are_read_again_and_a_stranger_may_not_send_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (opening, metadata, raster):
        monkeypatch.setattr(module, "MOST_PIXELS", 1000)
    data = png_bytes(Raster(np.zeros((40, 40, 3), np.uint8)), "a tree", {"one": 1})
    (tmp_path / "large.png").write_bytes(data)
    with pytest.raises(UserError) as caught:
        Raster.read(tmp_path / "large.png", most=1000)
    assert caught.value.code == "IMAGE_TOO_LARGE"
    assert Raster.read(tmp_path / "large.png", most=2000).size == (40, 40)
    text = read_text(tmp_path / "large.png")
    assert (text.parameters, text.exact) == ("a tree", {"one": 1})


def test_pillow_does_not_give_up_before_we_do() -> None:
    assert 2 * (Image.MAX_IMAGE_PIXELS or 0) >= opening.MOST_OWN_PIXELS > 16_000 * 12_000
