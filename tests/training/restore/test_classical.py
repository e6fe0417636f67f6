import numpy as np
import pytest

pytest.importorskip("skimage")

from sdtoolbox.training.restore import classical
from sdtoolbox.training.restore.classical import Floats, best, bytes_of, psnr

RAMP = np.repeat(np.tile(np.arange(40, 200, 5, dtype=np.uint8), (32, 1))[..., None], 3, 2)


def test_psnr_is_that_of_what_8_bits_hold() -> None:
    assert psnr(RAMP / 255.0 + 10.2 / 255.0, RAMP) == pytest.approx(20.0 * np.log10(255.0 / 10.0))
    assert psnr(RAMP / 255.0 + 0.3 / 255.0, RAMP) > 130.0


@pytest.mark.parametrize("name", [name for name in classical.methods() if name != "BM3D"])
def test_every_method_takes_noise_away(name: str) -> None:
    noisy = bytes_of(RAMP / 255.0 + np.random.default_rng(0).normal(0.0, 0.1, RAMP.shape)) / 255.0
    figures = best(classical.methods()[name], [noisy], [RAMP], 0.1)
    assert figures[0] > psnr(noisy, RAMP) + 2.0


def test_the_setting_is_the_one_that_is_best_on_all_photographs() -> None:
    def off_by(more: float) -> classical.Method:
        def restored(noisy: Floats, sigma: float) -> Floats:
            return noisy + more * sigma

        return restored

    figures = best([off_by(0.5), off_by(0.1), off_by(0.3)], [RAMP / 255.0] * 2, [RAMP] * 2, 0.1)
    assert figures == [psnr(RAMP / 255.0 + 0.01, RAMP)] * 2
