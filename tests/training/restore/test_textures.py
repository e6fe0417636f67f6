import numpy as np
import pytest

from sdtoolbox.training.restore import textures


@pytest.mark.parametrize("maker", [textures._fractal, textures._grain, textures._waves, textures._stripes])
def test_fields_have_mean_0_and_deviation_1(maker: textures.Maker) -> None:
    field = maker(np.random.default_rng(1))
    assert field.shape == (textures.SIZE, textures.SIZE)
    assert field.dtype == np.float32
    assert abs(field.mean()) < 1e-3
    assert field.std() == pytest.approx(1.0, abs=1e-3)


def test_fractal_noise_is_strongest_where_it_is_coarsest() -> None:
    spectrum = np.abs(np.fft.rfft2(textures._fractal(np.random.default_rng(0))))
    assert spectrum[1:8, 1:8].mean() > 8.0 * spectrum[100:200, 100:200].mean()


def test_a_bank_is_a_function_of_its_seed() -> None:
    one, two, other = (textures.bank(np.random.default_rng(seed), 2) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])
