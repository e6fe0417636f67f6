import pytest
import torch

from sdtoolbox.training.restore import degrading, recipes
from sdtoolbox.training.restore.pool import Pool
from sdtoolbox.training.restore.recipes import CleanerRecipe, DenoiserRecipe, UpscalerRecipe
from sdtoolbox.training.run import Options, train


def silent(line: str) -> None:
    pass


def test_the_denoiser_learns(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degrading, "STRONGEST", 0.2)
    recipe = DenoiserRecipe(options, Pool(options.folder))
    with torch.no_grad():
        before = recipe.report(recipe.module, options.folder, 0)
    options = Options(options.folder, steps=12, batch=2, learning_rate=4e-3, ema=0.5)
    averaged = train(DenoiserRecipe(options, Pool(options.folder)), options, silent)
    with torch.no_grad():
        after = recipe.report(averaged, options.folder, 12)
    assert after["psnr_50"] > before["psnr_50"] + 1.0


def test_upscaler_and_cleaner_begin_with_what_was_learned_before(options: Options) -> None:
    pool = Pool(options.folder)
    with pytest.raises(FileNotFoundError, match="run the stage 'denoiser' first"):
        CleanerRecipe(options, pool)
    with pytest.raises(FileNotFoundError, match="run the stage 'sr4' first"):
        UpscalerRecipe(options, pool, 2)
    brief = Options(options.folder, steps=1, batch=1)
    denoiser = train(DenoiserRecipe(brief, pool), brief, silent).state_dict()
    cleaner = CleanerRecipe(options, pool).module.state_dict()
    assert torch.equal(cleaner["m_tail.weight"], denoiser["m_tail.weight"])
    assert torch.equal(cleaner["m_head.weight"][:, :3], denoiser["m_head.weight"][:, :3])
    assert cleaner["m_head.weight"][:, 3].abs().max() == 0.0


def test_a_step_of_each_recipe_is_a_function_of_its_number(options: Options) -> None:
    pool = Pool(options.folder)
    brief = Options(options.folder, steps=1, batch=1)
    train(DenoiserRecipe(brief, pool), brief, silent)
    for recipe in (DenoiserRecipe(options, pool), CleanerRecipe(options, pool), UpscalerRecipe(options, pool, 4)):
        losses = [float(recipe.loss(step, fraction)[0].detach()) for step, fraction in ((3, 0.1), (3, 0.1), (4, 0.1))]
        assert losses[0] == losses[1] != losses[2]
        assert torch.isfinite(recipe.loss(3, 0.9)[0])


def test_the_pictures_that_upscalers_see_are_small_and_in_bytes(options: Options) -> None:
    recipe = UpscalerRecipe(options, Pool(options.folder), 4)
    large = recipe.pool.patches(5, 64, options.generator("test", 1))
    small = recipe.reduced(large, options.generator("test", 2))
    assert small.shape == (5, 3, 16, 16)
    assert torch.allclose(small, degrading.round_to_bytes(small), atol=1e-6)
    intact = degrading.shrink(large, 4)
    spoiled = [not torch.equal(one, other) for one, other in zip(small, intact, strict=True)]
    assert 0 < sum(spoiled) < 5


def test_later_patches_are_larger_and_have_about_as_many_pixels() -> None:
    assert recipes.patches(8, 64, 96, 0.1) == (8, 64)
    count, size = recipes.patches(8, 64, 96, 0.9)
    assert size == 96
    assert count * size**2 == pytest.approx(8 * 64**2, rel=0.2)


def test_psnr_of_a_known_error() -> None:
    clean = torch.full((2, 3, 4, 4), 0.5)
    assert recipes.decibels(clean + 0.1, clean) == pytest.approx(20.0, abs=1e-4)
