import numpy as np

from sdtoolbox.training.restore.colours import Palette, develop


def test_colours_stay_in_range_and_differ() -> None:
    rng = np.random.default_rng(0)
    palette = Palette.draw(rng)
    colours = np.stack([palette.colour(rng) for _ in range(200)])
    assert colours.shape == (200, 3)
    assert colours.min() >= 0.0
    assert colours.max() <= 255.0
    assert colours.std() > 5.0


def test_a_developed_picture_keeps_the_order_of_light_and_dark() -> None:
    ramp = np.repeat(np.linspace(40.0, 215.0, 64, dtype=np.float32)[None, :, None], 3, 2).repeat(8, 0)
    kept = 0
    for seed in range(20):
        made = develop(ramp, np.random.default_rng(seed)).astype(int)
        assert made.shape == ramp.shape
        kept += bool((np.diff(made, axis=1) >= 0).all())
    assert kept >= 12  # light from one side may turn it
