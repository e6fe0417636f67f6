"""What a network predicts, found out by asking it: some files of Stable Diffusion 2 do not say."""

from __future__ import annotations

import torch

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.text import TextReader

SIDE = 32
SHARE = 0.5


@torch.no_grad()
def ask_prediction(components: Components) -> str:
    """epsilon or v_prediction, by one network call on pure noise at the last training step.

    There almost all of the input is noise. Who predicts the noise returns the input: the share of it in the answer
    is near 1. Who predicts v = sqrt(a) eps - sqrt(1 - a) x0 (Salimans and Ho 2022), with a = 0.005 of signal left,
    returns 0.07 of it, and the mean picture.
    """
    unet = components.unet
    weight = next(unet.parameters())
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((1, unet.config.in_channels, SIDE, SIDE), generator=generator).to(weight.device)
    context = TextReader.of(components).read("").chunks.to(weight)  # [1, 77, D]
    last = int(components.scheduler.get("num_train_timesteps", 1000)) - 1
    answer = unet(noise.to(weight.dtype), last, context, return_dict=False)[0].float()
    noise = noise[:, : answer.shape[1]]
    share = (answer * noise).sum() / (noise * noise).sum()
    return "epsilon" if float(share) > SHARE else "v_prediction"
