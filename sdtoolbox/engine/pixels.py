"""Pictures and masks on their way to the latents, and back: tensors, and edges that do not end where a latent does."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from sdtoolbox.protocols import Mask

MASKED = 0.5
"""From here on a pixel is hidden from a network that knows only masked and not masked."""


def to_tensor(picture: Image.Image, factor: int, device: torch.device) -> Tensor:
    """RGB, 8 bit -> [1, 3, H, W] in [-1, 1]; edges are repeated up to multiples of `factor`, the picture amid them."""
    pixels = torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).to(device)
    return _padded((pixels.permute(2, 0, 1)[None].float() / 127.5) - 1, factor)


def to_picture(picture: Tensor, width: int, height: int) -> Image.Image:
    """[3, H, W] in [-1, 1] -> the middle width x height of it, as 8 bit RGB."""
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    middle = picture[:, top : top + height, left : left + width]
    pixels = ((middle / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())


def mask_cells(mask: Mask, factor: int, device: torch.device) -> Tensor:
    """[H, W] in [0, 1] -> the most of each latent's pixels, [1, 1, h, w]; the edges are repeated as in `to_tensor`."""
    return F.max_pool2d(mask_pixels(mask, factor, device), factor)


def mask_pixels(mask: Mask, factor: int, device: torch.device) -> Tensor:
    """[H, W] -> [1, 1, H, W] as large as what `to_tensor` makes of a picture of this size."""
    return _padded(torch.from_numpy(np.ascontiguousarray(mask, dtype=np.float32)).to(device)[None, None], factor)


def hidden_cells(mask: Tensor, factor: int) -> Tensor:
    """Pixels [1, 1, H, W], 0 or 1 -> [1, 1, h, w], 0 or 1, as networks made for inpainting were taught.

    They were shown the first pixel of each latent's. A stroke too thin for that counts too: what a network is shown
    without a mask over it stays in the picture.
    """
    first, any_of_them = mask[..., ::factor, ::factor], F.max_pool2d(mask, factor)
    near = F.max_pool2d(first, 3, stride=1, padding=1)
    return torch.maximum(first, any_of_them * (1 - near))


def _padded(values: Tensor, factor: int) -> Tensor:
    (top, bottom), (left, right) = (_margins(size, factor) for size in values.shape[2:])
    return F.pad(values, (left, right, top, bottom), mode="replicate")


def _margins(size: int, factor: int) -> tuple[int, int]:
    more = -size % factor
    return more // 2, more - more // 2
