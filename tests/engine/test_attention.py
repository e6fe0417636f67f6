from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch.nn import functional as F

from sdtoolbox.engine.attention import ChunkedProcessor, chunked_attention, use_chunks


def tensors(dtype: torch.dtype, queries: int, keys: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, length, 40, generator=generator).to(dtype) for length in (queries, keys, keys)]


@pytest.mark.parametrize(("queries", "keys"), [(1024, 1024), (700, 77), (3, 5)])
@pytest.mark.parametrize("chunk", [256, 512])
def test_it_is_the_attention_of_torch_in_float32(queries: int, keys: int, chunk: int) -> None:
    query, key, value = tensors(torch.float32, queries, keys)
    ours = chunked_attention(query, key, value, chunk)
    torch.testing.assert_close(ours, F.scaled_dot_product_attention(query, key, value), rtol=1e-5, atol=1e-5)


def test_in_bfloat16_it_is_as_near_to_the_truth_as_torchs_own() -> None:
    query, key, value = tensors(torch.bfloat16, 600, 600)
    truth = F.scaled_dot_product_attention(query.float(), key.float(), value.float())
    ours = (chunked_attention(query, key, value).float() - truth).norm() / truth.norm()
    theirs = (F.scaled_dot_product_attention(query, key, value).float() - truth).norm() / truth.norm()
    assert ours < 0.02
    assert ours < 3 * theirs


@pytest.fixture
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    ).requires_grad_(False)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_a_whole_network_predicts_the_same(dtype: torch.dtype, tolerance: float, unet: UNet2DConditionModel) -> None:
    chunked = copy.deepcopy(unet).to(dtype)
    use_chunks(chunked)
    generator = torch.Generator().manual_seed(1)
    x, text = torch.randn(2, 4, 24, 24, generator=generator), torch.randn(2, 77, 32, generator=generator)
    expected = unet(x, 500, text).sample
    found = chunked(x.to(dtype), 500, text.to(dtype)).sample.float()
    assert (found - expected).norm() / expected.norm() < tolerance


def test_hooks_of_adapters_are_called(unet: UNet2DConditionModel) -> None:
    use_chunks(unet)
    called: list[str] = []
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            module.register_forward_hook(lambda *_, name=name: called.append(name))
    unet(torch.zeros(1, 4, 8, 8), 1, torch.zeros(1, 77, 32))
    assert len(called) == len(set(called)) == 4 * len(unet.attn_processors)


@pytest.mark.parametrize("kind", ["mask", "picture", "norm"])
def test_what_it_does_not_know_goes_the_usual_way(kind: str) -> None:
    torch.manual_seed(0)
    attention = Attention(32, heads=2, dim_head=16, norm_num_groups=4 if kind == "norm" else None).eval()
    shape = (1, 32, 4, 4) if kind == "picture" else (1, 16, 32)
    given = {"attention_mask": torch.zeros(1, 16)} if kind == "mask" else {}
    x = torch.randn(shape)
    with torch.no_grad():
        expected = attention(x, **given)
        attention.set_processor(ChunkedProcessor())
        torch.testing.assert_close(attention(x, **given), expected)


def test_a_residual_and_a_factor_are_respected() -> None:
    torch.manual_seed(0)
    attention = Attention(32, heads=2, dim_head=16, residual_connection=True, rescale_output_factor=2.0).eval()
    x = torch.randn(1, 16, 32)
    with torch.no_grad():
        expected = attention(x)
        attention.set_processor(ChunkedProcessor())
        torch.testing.assert_close(attention(x), expected)
