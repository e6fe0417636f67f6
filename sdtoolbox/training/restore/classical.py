"""What everybody has against noise, at its best: each method with the setting that does best at a noise level.

The setting is chosen by the mean over the very photographs that are then reported, which favours these methods.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_tv_chambolle, denoise_wavelet

from sdtoolbox.training.restore.photographs import Photograph

Floats = NDArray[np.floating[Any]]
Method = Callable[[Floats, float], Floats]
"""(noisy, sigma) -> restored: (h, w, 3) in 0 to 1, sigma in the same unit."""


def bytes_of(picture: Floats) -> Photograph:
    """Clipped to 0 to 1 and rounded to 8 bits."""
    return np.asarray(np.rint(np.clip(picture, 0.0, 1.0) * 255.0), np.uint8)


def psnr(restored: Floats, clean: Photograph) -> float:
    """Peak signal to noise in dB, over all pixels and colours, of what 8 bits hold of `restored`."""
    error = bytes_of(restored).astype(np.float64) - clean
    return float(10.0 * np.log10(255.0**2 / max(1e-9, np.square(error).mean())))


def non_local_means(noisy: Floats, sigma: float, strength: float, colour: float) -> Floats:
    """OpenCV's for colours, with its own patches of 7 and windows of 21 pixels."""
    lightness = strength * sigma * 255.0
    found = cv2.fastNlMeansDenoisingColored(bytes_of(noisy), None, lightness, colour * lightness, 7, 21)
    return np.asarray(found / 255.0)


def wavelet(noisy: Floats, sigma: float, method: str, share: float) -> Floats:
    """scikit-image's, in YCbCr."""
    found = denoise_wavelet(noisy, share * sigma, method=method, convert2ycbcr=True, channel_axis=-1)
    return np.asarray(found)


def total_variation(noisy: Floats, sigma: float, weight: float) -> Floats:
    """scikit-image's, Chambolle's projection."""
    return np.asarray(denoise_tv_chambolle(noisy, weight * sigma, channel_axis=-1))


def bm3d(noisy: Floats, sigma: float) -> Floats:
    """The authors' program; its licence is for non-commercial use, so it is only measured against."""
    from bm3d import bm3d_rgb

    return np.asarray(bm3d_rgb(np.asarray(noisy, np.float64), sigma))


def methods() -> Mapping[str, Sequence[Method]]:
    """Each method with its settings to choose from; BM3D where its package is installed."""
    found: dict[str, Sequence[Method]] = dict(_METHODS)
    if importlib.util.find_spec("bm3d") is not None:
        found["BM3D"] = (bm3d,)
    return found


_METHODS: Final[Mapping[str, Sequence[Method]]] = {
    "non-local means (OpenCV)": [
        partial(non_local_means, strength=strength, colour=colour)
        for strength in (0.4, 0.5, 0.6, 0.7, 0.85)
        for colour in (0.4, 0.7, 1.0)
    ],
    "wavelet (scikit-image)": [
        *(partial(wavelet, method="BayesShrink", share=share) for share in (0.8, 0.9, 1.0, 1.1, 1.2)),
        *(partial(wavelet, method="VisuShrink", share=share) for share in (0.15, 0.2, 0.25, 0.3, 0.4)),
    ],
    "total variation (scikit-image)": [
        partial(total_variation, weight=weight) for weight in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
    ],
}


def best(settings: Sequence[Method], noisy: Sequence[Floats], clean: Sequence[Photograph], sigma: float) -> list[float]:
    """PSNR of each photograph with the setting whose mean over all is highest."""
    figures = [
        [psnr(setting(one, sigma), true) for one, true in zip(noisy, clean, strict=True)] for setting in settings
    ]
    return max(figures, key=lambda row: float(np.mean(row)))
