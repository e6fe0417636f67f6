"""Picture guidance: how closely a network that edits by instruction holds to the picture that it was shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Steer

if TYPE_CHECKING:
    from torch import Tensor


def picture_guidance(
    shown: Denoiser, hidden: Denoiser, scale: float, active: Callable[[float], bool] = lambda sigma: True
) -> Steer:
    """Add scale - 1 times the way from `hidden` to `shown`: both of the negative prompt, without and with the picture.

    Brooks et al. (2023), "InstructPix2Pix", equation 3, with the estimates e of the picture I or none, the prompt T or
    the negative one: e(0, 0) + s_I (e(I, 0) - e(0, 0)) + s_T (e(I, T) - e(I, 0)). Classifier-free guidance among those
    who see the picture is g = e(I, 0) + s_T (e(I, T) - e(I, 0)), which leaves g + (s_I - 1) (e(I, 0) - e(0, 0)). One
    more network call for each one, where `active(sigma)`; none at scale 1.
    """

    def steer(denoise: Denoiser) -> Denoiser:
        def steered(x: Tensor, sigma: float) -> Tensor:
            guided = denoise(x, sigma)
            if scale == 1 or not active(sigma):
                return guided
            return guided + (shown(x, sigma) - hidden(x, sigma)) * (scale - 1)

        return steered

    return steer
