from __future__ import annotations

import torch

from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.sizes import checkpoint_bytes

PARAMETERS = {"unet": 1000, "vae": 10, "text_encoder": 100}


def test_every_part_counts_in_the_type_that_it_is_held_in() -> None:
    half = Policy(precision=torch.float16)
    assert checkpoint_bytes("sd1", PARAMETERS, half) == 2 * 1000 + 2 * 10 + 4 * 100
    assert checkpoint_bytes("sdxl", PARAMETERS, half) == 2 * 1000 + 4 * 10 + 4 * 100, "a VAE that overflows"
    assert checkpoint_bytes("sdxl", PARAMETERS, Policy(precision=torch.bfloat16)) == 2 * 1000 + 2 * 10 + 4 * 100
    small = Policy(precision=torch.float16, storage=torch.float8_e4m3fn)
    assert checkpoint_bytes("sd1", PARAMETERS, small) == 1000 + 2 * 10 + 4 * 100
