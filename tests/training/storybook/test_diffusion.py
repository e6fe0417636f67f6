import random
from pathlib import Path

import numpy as np
import pytest
import torch

from sdtoolbox.training.run import Options
from sdtoolbox.training.storybook import diffusion, latents, text


def test_the_weight_is_min_snr_for_v() -> None:
    snr = torch.tensor([0.0, 1.0, 5.0, 99.0])
    assert diffusion.loss_weight(snr).tolist() == pytest.approx([0.0, 1 / 2, 5 / 6, 5 / 100])


def test_scenes_of_the_data_set_have_fixed_numbers() -> None:
    assert latents.scene(7, seed=0) == latents.scene(7, seed=0)
    assert latents.scene(7, seed=0) != latents.scene(8, seed=0)


def test_latents_without_files_say_which_stage_to_run(tmp_path: Path) -> None:
    empty = latents.Latents(tmp_path, seed=0)
    with pytest.raises(FileNotFoundError, match="run the stage 'encode' first"):
        empty.batch(random.Random(0), 1)


def test_a_training_step_is_the_same_on_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "CHANNELS", (16, 16))
    monkeypatch.setattr(latents, "CHUNK", 4)
    chunk = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(0)).half().numpy()
    np.save(tmp_path / "0000000.npy", chunk)
    tokenizer = text.train_tokenizer(text.captions(100), tmp_path / "tokenizer")
    torch.manual_seed(0)
    encoder = text.build(tokenizer, 16, 1)
    recipe = diffusion.Recipe(Options(tmp_path, batch=4), latents.Latents(tmp_path, 0), tokenizer, encoder)

    first, metrics = recipe.loss(5, 0.0)
    again, _ = recipe.loss(5, 0.0)
    other, _ = recipe.loss(6, 0.0)

    assert first.item() == again.item() != other.item()
    assert 0.3 < metrics["error"] < 3.0
    first.backward()
    assert all(parameter.grad is None for parameter in encoder.parameters())
