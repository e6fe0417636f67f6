from __future__ import annotations

import pytest

from sdtoolbox.engine.adapters.keys import ModuleNames, Target, split
from sdtoolbox.engine.components import Components
from tests.engine.adapters.miniature import CONVOLUTION, CROSS, LINEAR, POINTWISE, TEXT

QUERY = LINEAR.removesuffix(".to_q")
UPSAMPLER = "up_blocks.0.upsamplers.0.conv"
SPELLINGS = {
    # kohya
    f"lora_unet_{LINEAR.replace('.', '_')}.lora_down.weight": ("unet", LINEAR, "down"),
    f"lora_unet_{QUERY.replace('.', '_')}_to_out_0.alpha": ("unet", f"{QUERY}.to_out.0", "alpha"),
    f"lora_te_text_model_{TEXT.replace('.', '_')}.lora_up.weight": ("text_encoder", TEXT, "up"),
    f"lora_te1_text_model_{TEXT.replace('.', '_')}.dora_scale": ("text_encoder", TEXT, "dora_scale"),
    # kohya with the original layout's names
    "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_up.weight": ("unet", LINEAR, "up"),
    "lora_unet_input_blocks_1_1_proj_in.lora_mid.weight": ("unet", POINTWISE, "mid"),
    "lora_unet_middle_block_0_in_layers_2.lokr_w2_a": ("unet", CONVOLUTION, "lokr_w2_a"),
    "lora_unet_output_blocks_1_1_conv.hada_t1": ("unet", UPSAMPLER, "hada_t1"),
    "lora_unet_time_embed_0.diff_b": ("unet", "time_embedding.linear_1", "diff_b"),
    "oft_unet_output_blocks_2_1_transformer_blocks_0_attn2_to_k.oft_blocks": ("unet", CROSS, "oft_blocks"),
    # LyCORIS without kohya's trainer
    f"lycoris_{CROSS.replace('.', '_')}.lokr_w1": ("unet", CROSS, "lokr_w1"),
    f"lora_unet_{CONVOLUTION.replace('.', '_').replace('conv1', 'norm1')}.w_norm": (
        "unet",
        CONVOLUTION.replace("conv1", "norm1"),
        "diff",
    ),
    # diffusers, from new to old
    f"unet.{LINEAR}.lora_A.weight": ("unet", LINEAR, "down"),
    f"text_encoder.text_model.{TEXT}.lora_B.weight": ("text_encoder", TEXT, "up"),
    f"text_encoder.{TEXT}.lora_B.weight": ("text_encoder", TEXT, "up"),
    f"unet.{LINEAR}.lora.down.weight": ("unet", LINEAR, "down"),
    f"unet.{QUERY}.processor.to_out_lora.up.weight": ("unet", f"{QUERY}.to_out.0", "up"),
    f"{QUERY}.processor.to_q_lora.down.weight": ("unet", LINEAR, "down"),
    f"unet.{QUERY}.processor.to_q_lora.alpha": ("unet", LINEAR, "alpha"),
    "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight": ("text_encoder", TEXT, "down"),
    f"text_encoder.text_model.{TEXT}.lora_linear_layer.up.weight": ("text_encoder", TEXT, "up"),
    # PEFT
    f"base_model.model.{LINEAR}.lora_A.weight": ("unet", LINEAR, "down"),
    f"base_model.model.{LINEAR}.lora_B.default.weight": ("unet", LINEAR, "up"),
    f"base_model.model.text_model.{TEXT}.lora_A.weight": ("text_encoder", TEXT, "down"),
    f"base_model.model.{LINEAR}.lora_magnitude_vector": ("unet", LINEAR, "magnitude"),
    f"base_model.model.{LINEAR}.lora_magnitude_vector.default.weight": ("unet", LINEAR, "magnitude"),
    f"base_model.model.{CROSS}.hada_w1_a.default": ("unet", CROSS, "hada_w1_a"),
}


@pytest.mark.parametrize("key", SPELLINGS)
def test_every_spelling_finds_its_module(key: str, components: Components) -> None:
    part, path, role = SPELLINGS[key]
    found = split(key)
    assert found is not None
    assert found[1] == role
    assert ModuleNames(components).find(found[0]) == Target(part, path)


@pytest.mark.parametrize(
    "key", ["bundle_emb.word.string_to_param.*", "lora_unet_conv_in", "model.diffusion_model.out.2.bias"]
)
def test_other_tensors_have_no_role(key: str) -> None:
    assert split(key) is None


@pytest.mark.parametrize(
    "path",
    ["lora_unet_down_blocks_7_attentions_0_proj_in", "lora_te2_text_model_encoder_layers_0_mlp_fc1", "double_blocks_0"],
)
def test_modules_that_this_checkpoint_lacks_are_not_found(path: str, components: Components) -> None:
    assert ModuleNames(components).find(path) is None
