"""What is measured in a picture decides about its restoration, and what is refused before anything is queued."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.tasks import choosing
from sdtoolbox.testing.checkpoint import write_weights
from sdtoolbox.toolbox import Toolbox

DRUNET = ("m_head.weight", "m_tail.weight", "m_body.0.res.0.weight", "m_up1.2.res.0.weight")
FBCNN = ("m_head.weight", "m_tail.weight", "m_body_encoder.0.res.0.weight", "qf_pred.0.res.0.weight")
LAMA = ("model.1.bn_l.running_mean",)


def compact(scale: int) -> dict[str, tuple[int, ...]]:
    layers = {
        "body.0.weight": (4, 3, 3, 3),
        "body.1.weight": (4,),
        "body.2.weight": (4, 4, 3, 3),
        "body.3.weight": (4,),
    }
    return layers | {"body.4.weight": (3 * scale**2, 4, 3, 3), "body.4.bias": (3 * scale**2,)}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that look like the built-in networks, under names that no built-in one has."""
    monkeypatch.setattr(choosing, "DENOISER", "own-denoiser")
    monkeypatch.setattr(choosing, "JPEG_CLEANER", "own-jpeg")
    monkeypatch.setattr(choosing, "ENLARGERS", {2: "own-x2", 4: "own-x4"})
    folder = tmp_path / "models" / "restorers"
    folder.mkdir(parents=True)
    write_weights(folder / "own-denoiser.safetensors", dict.fromkeys(DRUNET, (1,)))
    write_weights(folder / "own-jpeg.safetensors", dict.fromkeys(FBCNN, (1,)))
    write_weights(folder / "lama.safetensors", dict.fromkeys(LAMA, (1,)))
    for scale in (2, 4):
        write_weights(folder / f"own-x{scale}.safetensors", compact(scale))
    return folder


@pytest.fixture
def toolbox(tmp_path: Path, models: Path) -> Iterator[Toolbox]:
    with Toolbox.open(home=tmp_path / "home", model_folders=(models.parent,), safe_mode=True) as opened:
        opened.catalog.rescan()
        yield opened


def smooth(width: int = 160, height: int = 120) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    values = np.dstack([np.sin(x / 23), np.cos(y / 31), np.sin((x + y) / 40)])
    return np.asarray(128 + 60 * values, np.float32)


def file(noise: float = 0, quality: int | None = None, size: tuple[int, int] = (160, 120)) -> bytes:
    pixels = (
        smooth(*size) + np.random.default_rng(0).normal(0, noise, (size[1], size[0], 3)) if noise else smooth(*size)
    )
    buffer = io.BytesIO()
    picture = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    picture.save(buffer, "PNG") if quality is None else picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def resolved(toolbox: Toolbox, task: str, data: bytes | None = None, **values: Any) -> Any:
    request = toolbox.resolve(toolbox.parse(task, {"image": toolbox.add_picture(data or file())} | values))
    assert toolbox.resolve(request) == request, "resolving twice changes nothing"
    return request


def refused(toolbox: Toolbox, task: str, data: bytes | None = None, **values: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        resolved(toolbox, task, data, **values)
    error = caught.value
    return error.problems[0] if isinstance(error, InvalidRequest) else error


def names(toolbox: Toolbox, request: Any) -> list[str]:
    ids = {entry.id: entry.name for entry in toolbox.catalog}
    return [ids.get(stage.restorer, stage.restorer) for stage in request.stages]


@pytest.mark.parametrize(
    ("noise", "quality", "chosen"),
    [
        (0, None, []),
        (12, None, ["own-denoiser"]),
        (0, 40, ["own-jpeg"]),
        (0, 97, []),
    ],
)
def test_what_is_measured_chooses_the_stages(
    toolbox: Toolbox, noise: float, quality: int | None, chosen: list[str]
) -> None:
    request = resolved(toolbox, "denoise", file(noise, quality))
    assert names(toolbox, request) == chosen
    assert request.noise == pytest.approx(noise, abs=1.5)
    assert request.jpeg_quality == (quality or 100)


def test_what_is_said_beats_what_is_measured(toolbox: Toolbox) -> None:
    assert names(toolbox, resolved(toolbox, "denoise", file(12), noise=0)) == []
    clean = resolved(toolbox, "denoise", noise=20, jpeg_quality=30)
    assert names(toolbox, clean) == ["own-jpeg", "own-denoiser"]
    assert (clean.noise, clean.jpeg_quality) == (20, 30)
    given = resolved(toolbox, "denoise", file(12), stages=["median: radius=2", "OWN-denoiser: strength=1.5"])
    assert names(toolbox, given) == ["median", "own-denoiser"]
    assert given.stages[0].options == {"radius": 2}


def test_without_the_networks_arithmetic_does_it(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "DENOISER", "none")
    monkeypatch.setattr(choosing, "ENLARGERS", {2: "none", 4: "none"})
    monkeypatch.setattr(choosing, "JPEG_CLEANER", "none")
    assert names(toolbox, resolved(toolbox, "denoise", file(12))) == ["wavelet"]
    assert names(toolbox, resolved(toolbox, "denoise", file(0, 30))) == ["deblock"]
    assert resolved(toolbox, "upscale").upscaler == "lanczos"


@pytest.mark.parametrize(
    ("values", "size", "upscaler"),
    [
        ({}, (320, 240), "own-x2"),
        ({"scale": 4}, (640, 480), "own-x4"),
        ({"scale": 3}, (480, 360), "own-x4"),
        ({"scale": 6.5}, (1040, 780), "own-x4"),
        ({"scale": 0.5}, (80, 60), "lanczos"),
        ({"longest_side": 300}, (300, 225), "own-x2"),
        ({"width": 500}, (500, 375), "own-x4"),
        ({"height": 240}, (320, 240), "own-x2"),
        ({"width": 200, "height": 200, "scale": 3}, (200, 200), "own-x2"),
    ],
)
def test_sizes_follow_and_choose_the_network(
    toolbox: Toolbox, values: dict[str, Any], size: tuple[int, int], upscaler: str
) -> None:
    request = resolved(toolbox, "upscale", **values)
    assert (request.width, request.height) == size
    ids = {entry.id: entry.name for entry in toolbox.catalog}
    assert ids.get(request.upscaler, request.upscaler) == upscaler


def test_names_of_all_kinds_become_ids(toolbox: Toolbox) -> None:
    request = resolved(toolbox, "upscale", upscaler="Bicubic", second_upscaler="own-x4")
    assert request.upscaler == "bicubic"
    assert request.second_upscaler == toolbox.catalog.find("own-x4", "restorer").id


@pytest.mark.parametrize(
    ("task", "values", "code", "field", "said"),
    [
        ("denoise", {"stages": ["nonsense"]}, "MODEL_MISSING", "stages", "nonsense"),
        ("denoise", {"stages": ["median: depth=3"]}, "PARAM_INVALID", "stages", "no option"),
        ("denoise", {"stages": ["own-x2: tiles=3"]}, "PARAM_INVALID", "stages", "Networks have none"),
        ("denoise", {"stages": ["own-jpeg: strength=2"]}, "PARAM_INVALID", "stages", "no noise level"),
        ("denoise", {"stages": ["median: strength=2"]}, "PARAM_INVALID", "stages", "no noise level"),
        ("denoise", {"stages": ["lama"]}, "MODEL_TYPE", "stages", "mask"),
        ("denoise", {"stages": [{"restorer": "median", "blend": 2}]}, "PARAM_INVALID", "stages", "blend"),
        ("upscale", {"upscaler": "own-denoiser"}, "MODEL_TYPE", "upscaler", "leaves a picture its size"),
        ("upscale", {"upscaler": "latent"}, "MODEL_MISSING", "upscaler", "Lanczos"),
        ("upscale", {"upscaler": "median"}, "MODEL_MISSING", "upscaler", "median"),
        ("upscale", {"scale": 17}, "PARAM_INVALID", "scale", "16"),
        ("upscale", {"longest_side": 65535}, "IMAGE_TOO_LARGE", "scale", "320 million"),
        ("upscale", {"stages": ["own-x4"] * 9}, "PARAM_INVALID", "stages", "8"),
        ("upscale", {"stages": ["own-x4"] * 8}, "IMAGE_TOO_LARGE", "scale", "320 million"),
        ("denoise", {"reference": "e" * 32}, "IMAGE_INVALID", "reference", "no picture"),
        ("denoise", {"window": (0, 0, 161, 10)}, "PARAM_INVALID", "window", "160x120"),
        ("denoise", {"stages": ["own-x4"] * 6}, "IMAGE_TOO_LARGE", "stages", "320 million"),
    ],
)
def test_mistakes_are_said_at_their_field(
    toolbox: Toolbox, task: str, values: dict[str, Any], code: str, field: str, said: str
) -> None:
    error = refused(toolbox, task, **values)
    assert (error.code, error.field) == (code, field)
    assert said in f"{error.message} {error.hint}"


def test_without_a_picture_there_is_nothing_to_restore(toolbox: Toolbox) -> None:
    with pytest.raises(UserError, match="there is no picture"):
        toolbox.resolve(toolbox.parse("denoise", {}))


def test_a_broken_picture_is_said(toolbox: Toolbox) -> None:
    data = file()
    with pytest.raises(UserError) as caught:
        toolbox.add_picture(data[: len(data) // 2])
    assert caught.value.code == "IMAGE_INVALID"
    start, rest = data[:33], data[41:]
    bad = struct.pack(">I", 8) + b"IDAT" + b"12345678" + struct.pack(">I", zlib.crc32(b"IDAT12345678"))
    with pytest.raises(UserError):
        toolbox.add_picture(start + bad + rest[:1])


def test_networks_enlarge_in_other_tasks_too(toolbox: Toolbox) -> None:
    own = toolbox.catalog.find("own-x4", "restorer").id
    drawn = resolved(toolbox, "img2img", upscaler="OWN-x4", resize_scale=2, checkpoint="storybook")
    assert drawn.upscaler == own
    twice = toolbox.resolve(toolbox.parse("txt2img", {"hires": True, "hires_upscaler": "own-x4", "seed": 1}))
    assert twice.hires_upscaler == own
    error = refused(toolbox, "img2img", upscaler="own-denoiser", checkpoint="storybook")
    assert (error.code, error.field) == ("MODEL_TYPE", "upscaler")
    error = refused(toolbox, "img2img", upscaler="latent", checkpoint="storybook")
    assert (error.code, error.field) == ("PARAM_INVALID", "upscaler")


def test_a_network_that_is_blind_to_noise_takes_no_strength(toolbox: Toolbox, models: Path) -> None:
    blind = toolbox.catalog.find("own-denoiser", "restorer")
    assert choosing.takes_strength(blind)
    assert not choosing.takes_strength(replace(blind, tags=("jpeg",)))


def test_what_is_not_seen_says_nothing_of_the_noise(toolbox: Toolbox) -> None:
    pixels = smooth() + np.random.default_rng(0).normal(0, 15, smooth().shape)
    picture = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    alpha = np.full((120, 160), 255, np.uint8)
    alpha[:, :70] = 0
    hidden = np.asarray(picture).copy()
    hidden[:, :70] = 90
    picture = Image.fromarray(hidden)
    picture.putalpha(Image.fromarray(alpha))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    assert resolved(toolbox, "denoise", buffer.getvalue()).noise == pytest.approx(15, abs=2)


def test_a_stage_says_itself_whether_it_is_a_checkpoint_and_is_not_believed(toolbox: Toolbox) -> None:
    request = resolved(toolbox, "denoise", stages=[{"restorer": "median", "diffusion": True}])
    assert request.stages[0].diffusion is False
