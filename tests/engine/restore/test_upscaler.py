"""Diffusion upscalers in miniature: what they draw is what diffusers' pipelines draw, whole and in tiles."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.restore.field import noise_at
from sdtoolbox.engine.restore.upscaler import LATENTS, PICTURE, load_upscaler
from sdtoolbox.errors import UserError
from sdtoolbox.images.seams import seam_score
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.samplers.euler import euler
from sdtoolbox.settings import Settings
from sdtoolbox.tasks.tiling import Treatment, treated
from tests.tiny_upscalers import PIPELINES, write_upscaler

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
VARIANTS = ("sd_upscaler", "sd_latent_upscaler")
STEPS = 4
"""999 can be divided by one less: then diffusers' noise levels are entries of the table, and not rounded otherwise."""
PROMPT = "a red house in the snow"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upscalers")
    for variant in VARIANTS:
        write_upscaler(folder / variant, variant)
    return folder


@pytest.fixture(scope="module")
def manager(models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManager:
    return ModelManager(Catalog([models]), Settings(home=tmp_path_factory.mktemp("home"), device="cpu", threads=1))


def picture(height: int, width: int) -> np.ndarray:
    """Soft, as pictures are."""
    rows, columns = np.mgrid[:height, :width] / 24
    return np.stack([np.sin(rows), np.cos(columns), np.sin(rows * columns)], 2).astype(np.float32) / 2 + 0.5


@dataclass
class Tiled:
    """An upscaler that is shown small tiles, and may be told that each lies in the corner."""

    of: Any
    tile: int
    forgets: bool = False
    seen: list[tuple[int, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)

    def __call__(self, pixels: np.ndarray, *, at: tuple[int, int], **options: Any) -> np.ndarray:
        self.seen.append(at)
        return self.of(pixels, at=(0, 0) if self.forgets else at, **options)


@pytest.fixture
def theirs(models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., np.ndarray]:
    """diffusers' pipeline of a variant, with our noise, by Euler's method."""
    import diffusers
    from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_upscale as upscale

    def drawn(variant: str, pixels: np.ndarray, seed: int, **options: Any) -> np.ndarray:
        pipeline = getattr(diffusers, PIPELINES[variant]).from_pretrained(models / variant)
        pipeline.set_progress_bar_config(disable=True)
        height, width = pixels.shape[:2]
        small = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        if variant == "sd_upscaler":
            noise = torch.from_numpy(noise_at(seed, PICTURE, 3, (0, 0), (height, width)))[None]
            monkeypatch.setattr(upscale, "randn_tensor", lambda *_, **__: noise)
            places = height, width
        else:
            with torch.no_grad():  # its pipeline would draw from what the encoder is not sure of
                small = pipeline.vae.encode(2 * small - 1).latent_dist.mode() * pipeline.vae.config.scaling_factor
            places = height // 4, width // 4
        latents = torch.from_numpy(noise_at(seed, LATENTS, 4, (0, 0), places))[None]
        found = pipeline(image=small, latents=latents, num_inference_steps=STEPS, output_type="np", **options)
        return np.asarray(found.images[0])

    return drawn


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_it_draws_what_diffusers_draws(
    manager: ModelManager, theirs: Callable[..., np.ndarray], variant: str, guidance: float
) -> None:
    pixels, options = picture(64, 128), {"noise_level": 40} if variant == "sd_upscaler" else {}
    wanted = theirs(variant, pixels, 3, prompt=PROMPT, guidance_scale=guidance, **options)
    with manager.restorer(variant) as loaded:
        ours = replace(loaded, sampler=euler)
        found = ours(pixels, noise=0.0, steps=STEPS, prompt=PROMPT, guidance=guidance, seed=3, **options)
    assert found.shape == wanted.shape == (64 * ours.scale, 128 * ours.scale, 3)
    assert np.ptp(wanted) > 0.2, "a test that compares two greys shows little"
    assert np.abs(found - wanted).max() < 1e-4


def test_the_catalog_knows_them(models: Path) -> None:
    found = {one.variant: (one.kind, one.scale, one.state, one.base, one.parts) for one in Catalog([models])}
    parts = ("unet", "vae", "text_encoder")
    assert found == {
        "sd_upscaler": ("restorer", 4, "ready", "unknown", parts),
        "sd_latent_upscaler": ("restorer", 2, "ready", "unknown", parts),
    }


def test_they_are_no_checkpoints_to_draw_with(manager: ModelManager) -> None:
    with pytest.raises(UserError) as caught, manager.lease("sd_upscaler"):
        pass
    assert caught.value.code == "MODEL_TYPE"
    assert str(caught.value).startswith("sd_upscaler is a restorer, not a checkpoint.")


def test_a_single_file_draws_the_same(manager: ModelManager, models: Path, tmp_path: Path) -> None:
    write_original(models / "sd_upscaler", tmp_path / "file.safetensors", "sd_upscaler")
    catalog = Catalog([tmp_path])
    assert [(one.kind, one.variant, one.scale, one.state) for one in catalog] == [
        ("restorer", "sd_upscaler", 4, "ready")
    ]
    pixels, options = picture(16, 16), {"steps": 2, "prompt": PROMPT}
    single = ModelManager(catalog, Settings(home=tmp_path / "home", device="cpu", threads=1))
    with single.restorer("file") as one, manager.restorer("sd_upscaler") as other:
        assert np.array_equal(one(pixels, noise=0.0, **options), other(pixels, noise=0.0, **options))


def test_another_autoencoder_is_refused(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "sd_upscaler", tmp_path / "wrong")
    shutil.rmtree(tmp_path / "wrong" / "vae")
    shutil.copytree(models / "sd_latent_upscaler" / "vae", tmp_path / "wrong" / "vae")
    manager = ModelManager(Catalog([tmp_path]), Settings(home=tmp_path / "home", device="cpu", threads=1))
    with pytest.raises(UserError) as caught, manager.restorer("wrong"):
        pass
    assert caught.value.code == "MODEL_TYPE" and "latent of 8 pixels, its network needs 4" in str(caught.value)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 75)])
def test_pictures_of_any_size_are_enlarged(manager: ModelManager, variant: str, height: int, width: int) -> None:
    source = np.rint(picture(height, width) * 255).astype(np.uint8)
    with manager.restorer(variant) as upscaler:
        found = treated(Treatment(upscaler, options={"steps": 1}), source, source.dtype)
        assert found.shape == (height * upscaler.scale, width * upscaler.scale, 3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_place_is_given_the_same_noise_in_every_tile(manager: ModelManager, variant: str) -> None:
    with manager.restorer(variant) as upscaler:
        step = upscaler.multiple
        seen: list[torch.Tensor] = []

        def first(denoise: Any, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            seen.append(x)
            return x

        noted = replace(upscaler, sampler=first)
        pixels = picture(3 * step, 3 * step)
        noted(pixels, noise=0.0, seed=7)
        noted(pixels[step:, 2 * step :], noise=0.0, seed=7, at=(step, 2 * step))
        places = step * upscaler.scale // upscaler.autoencoder.factor
        assert torch.equal(seen[0][..., places:, 2 * places :], seen[1])


def test_tiles_leave_no_seam_that_noise_of_their_own_would(manager: ModelManager) -> None:
    source, options = np.rint(picture(64, 128) * 255).astype(np.uint8), {"steps": 2}
    edge = np.zeros((256, 512), np.float32)
    edge[:, : 4 * (48 + 64 + 32) // 2] = 1  # between the second and the fourth of the tiles, which overlap by 48
    with manager.restorer("sd_upscaler") as upscaler:
        whole = treated(Treatment(upscaler, options=options), source, source.dtype)
        tiled, forgetful = Tiled(upscaler, 64), Tiled(upscaler, 64, forgets=True)
        found = treated(Treatment(tiled, options=options), source, source.dtype)
        other = treated(Treatment(forgetful, options=options), source, source.dtype)
    assert len(tiled.seen) == 5
    away, usual = (np.abs(one.astype(float) - whole).mean() for one in (found, other))
    assert away < usual / 4, "with the noise of its place a tile is nearly what the whole picture has there"
    assert abs(seam_score(found, edge) - seam_score(whole, edge)) < 0.1


def test_what_does_not_fit_into_memory_is_done_in_smaller_tiles(
    manager: ModelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = np.rint(picture(128, 128) * 255).astype(np.uint8)
    with manager.restorer("sd_upscaler") as upscaler:
        answer, sides = upscaler.way.answer, []

        def cramped(seen: torch.Tensor, *rest: Any) -> torch.Tensor:
            sides.append(seen.shape[-1])
            if seen.shape[-1] > 100:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return answer(seen, *rest)

        monkeypatch.setattr(upscaler.way, "answer", cramped)
        found = treated(Treatment(upscaler, options={"steps": 1}), source, source.dtype)
    assert found.shape == (512, 512, 3) and sides[0] == 128 and max(sides[1:]) <= 100


def test_it_can_be_stopped_between_any_two_steps(manager: ModelManager) -> None:
    looks: list[int] = []

    def watch() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), manager.restorer("sd_upscaler", watch=watch) as upscaler:
        upscaler(picture(8, 8), noise=0.0, steps=20)
    assert len(looks) == 3


def test_the_environment_names_all_that_decides(manager: ModelManager) -> None:
    with manager.restorer("sd_latent_upscaler") as upscaler:
        told = upscaler.environment
    assert told["networks"][0]["name"] == "sd_latent_upscaler" and len(told["networks"][0]["sha256"]) == 64
    assert {"device", "precision", "decoder_precision", "threads", "torch", "diffusers", "transformers"} <= told.keys()
    assert "sd_latent_upscaler" in [one.name for one in manager.loaded()]


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_sixteen_bits_it_draws_nearly_the_same(manager: ModelManager, models: Path, variant: str) -> None:
    (entry,) = (one for one in Catalog([models]) if one.variant == variant)
    device = Device(torch.device("cpu"), 1, "cpu")
    rounded = load_upscaler(entry, device, Policy(precision=torch.bfloat16), lambda: "")
    assert rounded.environment["precision"] == "bfloat16"
    pixels, options = picture(64, 64), {"steps": 2, "prompt": PROMPT, "guidance": 2.0}
    with manager.restorer(variant) as whole:
        away = np.abs(rounded(pixels, noise=0.0, **options) - whole(pixels, noise=0.0, **options))
    assert 0 < away.mean() < 0.02


def test_what_overflows_in_sixteen_bits_is_asked_again_in_full(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = (one for one in Catalog([models]) if one.variant == "sd_upscaler")
    upscaler = load_upscaler(entry, Device(torch.device("cpu"), 1, "cpu"), Policy(precision=torch.bfloat16), str)
    answer, types = upscaler.way.answer, []

    def overflowing(seen: torch.Tensor, *rest: Any) -> torch.Tensor:
        types.append(seen.dtype)
        found = answer(seen, *rest)
        return found if seen.dtype == torch.float32 else found * torch.inf

    monkeypatch.setattr(upscaler.way, "answer", overflowing)
    assert np.isfinite(upscaler(picture(16, 16), noise=0.0, steps=2)).all()
    assert types == [torch.bfloat16, torch.float32] * 2
