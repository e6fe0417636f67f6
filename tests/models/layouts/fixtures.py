"""For every row of `ARCHITECTURES`, files of that kind: their tensors' names and shapes, no weights."""

from __future__ import annotations

from tests.models.layouts import adapters as a
from tests.models.layouts import transformers as t
from tests.models.layouts.restorers import RESTORERS
from tests.models.layouts.unets import (
    FIRST_STAGE,
    NETWORK,
    REFINER,
    SD1,
    SD2,
    SDXL,
    Shapes,
    UNet,
    clip,
    open_clip,
    refiner_checkpoint,
    sd1_checkpoint,
    sd2_checkpoint,
    sdxl_checkpoint,
    unet,
    vae,
)

UNCLIP = UNet(context=1024, linear=True, labels=2048)
MINI = UNet(context=32, channels=32, multiples=(1, 2), depths=(1, 0), blocks=1)
MINI_SD2 = UNet(context=32, channels=32, multiples=(1, 2), depths=(1, 0), blocks=1, linear=True)
MINI_SDXL = UNet(context=64, channels=32, multiples=(1, 2), depths=(0, 2), middle=2, blocks=1, linear=True, labels=80)


def tiny(net: UNet, encoders: Shapes) -> Shapes:
    """A miniature checkpoint in the original layout."""
    return unet(net, root=NETWORK) | vae(root="first_stage_model.", width=32) | encoders


def upscaler() -> Shapes:
    """The network of the x4 upscaler, which is told the noise of the small picture as one of 1000 classes."""
    return unet(UNet(context=1024, linear=True, inputs=7), root=NETWORK) | {f"{NETWORK}label_emb.weight": (1000, 1280)}


UNETS: dict[str, list[Shapes]] = {
    "svd": [unet(SD2, root=NETWORK) | {f"{NETWORK}input_blocks.1.1.time_stack.0.attn1.to_q.weight": (320, 320)}],
    "sd_upscaler": [
        upscaler(),
        upscaler() | vae(root="first_stage_model.") | open_clip(root="cond_stage_model.model."),
    ],
    "sd_latent_upscaler": [
        unet(UNet(inputs=8), diffusers=True)
        | {"time_proj.weight": (384,), "time_embedding.cond_proj.weight": (768, 896)}
    ],
    "unclip": [unet(UNCLIP, root=NETWORK), unet(UNCLIP, diffusers=True)],
    "kolors": [unet(SDXL, diffusers=True) | t.linear("encoder_hid_proj", 2048, 4096)],
    "sd1": [
        sd1_checkpoint(),
        sd1_checkpoint(9),
        unet(SD1),
        unet(SD1, diffusers=True),
        unet(MINI),
        unet(MINI, diffusers=True),
        tiny(MINI, clip(32, 2, "cond_stage_model.transformer.text_model.")),
        tiny(MINI_SD2, clip(32, 2, "cond_stage_model.transformer.")),
        tiny(MINI, clip(32, 2, "cond_stage_model.clip_l.transformer.text_model.")),
        unet(MINI, root="diffusion_model.")
        | vae(root="vae.", width=32)
        | clip(32, 2, "text_encoders.clip_l.transformer.text_model."),
        unet(MINI, diffusers=True, root="unet.")
        | vae(diffusers=True, root="vae.", width=32)
        | clip(32, 2, "text_encoder.text_model."),
    ],
    "sd2": [
        sd2_checkpoint(),
        sd2_checkpoint(5),
        unet(SD2, root=NETWORK),
        unet(SD2, diffusers=True),
        unet(MINI_SD2, diffusers=True),
        tiny(MINI_SD2, open_clip(32, 2, "cond_stage_model.model.")),
        unet(SD2, root=NETWORK) | FIRST_STAGE | clip(1024, 24, "cond_stage_model.clip_h.transformer.text_model."),
    ],
    "sdxl": [
        sdxl_checkpoint(),
        unet(SDXL, root="diffusion_model."),
        unet(SDXL, diffusers=True),
        unet(MINI_SDXL, diffusers=True),
        tiny(
            MINI_SDXL,
            clip(32, 2, "conditioner.embedders.0.transformer.text_model.")
            | open_clip(32, 2, "conditioner.embedders.1.model."),
        ),
        tiny(
            MINI_SDXL,
            clip(32, 2, "conditioner.embedders.0.transformer.text_model.")
            | {
                name + ".weight" * name.endswith("text_projection"): shape
                for name, shape in open_clip(32, 2, "conditioner.embedders.1.model.").items()
            },
        ),
        unet(MINI_SDXL, diffusers=True, root="unet.")
        | vae(diffusers=True, root="vae.", width=32)
        | clip(32, 2, "text_encoder.text_model.")
        | clip(32, 2, "text_encoder_2.text_model.")
        | {"text_encoder_2.text_projection.weight": (32, 32)},
        tiny(
            MINI_SDXL,
            clip(32, 2, "text_encoders.clip_l.transformer.text_model.")
            | clip(32, 2, "text_encoders.clip_g.transformer.text_model.")
            | {"text_encoders.clip_g.transformer.text_projection.weight": (32, 32)},
        ),
    ],
    "sdxl_refiner": [
        refiner_checkpoint(),
        unet(REFINER, diffusers=True),
        tiny(MINI_SDXL, open_clip(32, 2, "conditioner.embedders.0.model.")),
    ],
}
TRANSFORMERS: dict[str, list[Shapes]] = {
    "sd3": [t.sd3(), t.below(NETWORK, t.sd3(2432)), t.sd3_diffusers()],
    "flux2": [t.flux2(), t.flux2_diffusers()],
    "chroma": [t.chroma(), t.below(NETWORK, t.chroma()), t.chroma_diffusers()],
    "flux1": [t.flux1(), t.below(NETWORK, t.flux1()), t.flux1_diffusers()],
    "qwen_image": [t.qwen_image(), t.below(NETWORK, t.qwen_image())],
    "z_image": [t.z_image(), t.below(NETWORK, t.z_image()), t.z_image(diffusers=True)],
    "lumina2": [t.lumina2(), t.below(NETWORK, t.lumina2()), t.lumina2_diffusers()],
    "sana": [t.sana(), t.sana_diffusers()],
    "pixart": [t.pixart(), t.pixart_diffusers()],
    "auraflow": [t.auraflow(), t.below("model.", t.auraflow()), t.auraflow_diffusers()],
    "stable_cascade": [t.stable_cascade()],
    "hunyuan_video": [t.hunyuan_video()],
    "hunyuan_dit": [t.hunyuan_dit()],
    "wan": [t.wan()],
    "ltx_video": [t.ltx_video()],
    "mochi": [t.mochi()],
    "hidream": [t.hidream()],
    "animatediff": [t.animatediff()],
}
SD3_NAMES = a.square(1536, "attn.to_q", "attn.add_q_proj")
QWEN_NAMES = a.square(3072, "attn.to_q", "attn.add_q_proj")
ADAPTERS: dict[str, list[Shapes]] = {
    "lora_sd1": [
        a.kohya(a.SD1_LAYERS) | a.kohya(a.text_layers(768), "lora_te_"),
        a.kohya(a.text_layers(768), "lora_te_"),
        a.peft(a.SD1_LAYERS) | a.peft(a.text_layers(768), "text_encoder."),
        a.peft(a.SD1_LAYERS, "base_model.model."),
        a.processors(a.SD1_LAYERS),
        a.dora(a.SD1_LAYERS),
        a.loha(a.SD1_LAYERS),
        a.lokr(a.SD1_LAYERS),
        a.glora(a.SD1_LAYERS),
        a.one_each(a.SD1_LAYERS, "diff"),
        a.peft(a.text_layers(768), "base_model.model."),
        a.kohya(a.original_names(SD1), "lora_unet_"),
        a.peft(a.original_names(SD1), "diffusion_model."),
        a.kohya(a.attention_layers(MINI)),
    ],
    "lora_sd2": [
        a.kohya(a.SD2_LAYERS) | a.kohya(a.text_layers(1024, 23), "lora_te_"),
        a.kohya(a.attention_layers(MINI_SD2)),
    ],
    "lora_sdxl": [
        a.sdxl_kohya(),
        a.kohya(a.SDXL_LAYERS),
        a.peft(a.SDXL_LAYERS),
        a.loha(a.SDXL_LAYERS),
        a.lokr(a.SDXL_LAYERS),
        a.one_each(a.SDXL_LAYERS, "oft_blocks", (4, 160, 160)),
        a.peft(a.attention_layers(MINI_SDXL)),
    ],
    "lora_sdxl_refiner": [a.kohya(a.attention_layers(REFINER))],
    "lora_sd3": [
        a.kohya({"joint_blocks.0.x_block.attn.qkv": (4608, 1536)}),
        a.peft(a.transformer_layers("transformer_blocks", 24, SD3_NAMES), "transformer."),
    ],
    "lora_flux1": [
        a.kohya(a.flux_layers()) | a.kohya(a.text_layers(768), "lora_te1_"),
        a.peft(a.flux_layers(), "diffusion_model."),
        a.peft(a.transformer_layers("single_transformer_blocks", 38, a.square(3072, "attn.to_q")), "transformer."),
    ],
    "lora_flux2": [
        a.kohya(a.flux_layers(8, 48, 6144, 9)),
        a.kohya(a.flux_layers(5, 20, 3072, 9)),
        a.peft({"single_transformer_blocks.0.attn.to_qkv_mlp_proj": (55296, 6144)}, "transformer."),
    ],
    "lora_chroma": [a.kohya({"distilled_guidance_layer.in_proj": (5120, 64), **a.flux_layers()})],
    "lora_qwen_image": [
        a.peft(a.transformer_layers("transformer_blocks", 60, QWEN_NAMES), "transformer."),
        a.kohya(a.transformer_layers("transformer_blocks", 2, {"img_mlp.net.0.proj": (12288, 3072)})),
    ],
    "lora_z_image": [
        a.peft(
            a.transformer_layers("layers", 30, a.square(3840, "attention.to_q", "attention.to_k")), "diffusion_model."
        ),
        a.kohya({"layers.0.adaLN_modulation.0": (15360, 256)}),
    ],
    "lora_lumina2": [a.kohya(a.transformer_layers("layers", 26, {"attention.qkv": (3840, 2304)}))],
    "lora_sana": [
        a.peft(
            a.transformer_layers("transformer_blocks", 20, a.square(2240, "attn1.to_q", "attn2.to_k")), "transformer."
        )
    ],
    "lora_pixart": [
        a.peft(a.transformer_layers("transformer_blocks", 28, {"ff.net.0.proj": (4608, 1152)}), "transformer.")
    ],
    "lora_auraflow": [a.peft({"joint_transformer_blocks.0.attn.to_q": (3072, 3072)}, "transformer.")],
    "lora_unknown": [
        a.peft({"backbone.stage1.conv": (64, 64)}, ""),
        a.kohya(a.flux_layers(20, 40)),
        a.kohya({"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": (320, 320)}),
        {"oft_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.oft_blocks": (4, 80, 80)},
        a.one_each(a.SD1_LAYERS, "oft_diag", (4, 80, 80)),
        a.one_each(a.SD1_LAYERS, "oft_R.weight", (4, 3160)),
        a.one_each(a.SD1_LAYERS, "ia3_l", (320, 1)),
        a.one_each(a.SD1_LAYERS, "oft_blocks", (2, 4, 80, 80)),
    ],
}
CONTROLS: dict[str, list[Shapes]] = {
    "control_lora": [a.control_lora()],
    "controlnet_sd1": [
        a.controlnet(SD1, False, "control_model."),
        a.controlnet(SD1, False),
        a.controlnet(SD1, True),
        sd1_checkpoint() | a.controlnet(SD1, False, "control_model."),
    ],
    "controlnet_sd2": [a.controlnet(SD2, False, "control_model."), a.controlnet(SD2, True)],
    "controlnet_sdxl": [a.controlnet(SDXL, True)],
    "controlnet_flux1": [
        t.flux1_diffusers() | t.linears("", {"controlnet_blocks.0": (3072, 3072), "controlnet_x_embedder": (3072, 64)})
    ],
    "controlnet_sd3": [
        t.sd3_diffusers()
        | t.linear("controlnet_blocks.0", 1536, 1536)
        | {"pos_embed_input.proj.weight": (1536, 17, 2, 2)}
    ],
    "controlnet_qwen_image": [
        t.qwen_image() | t.linears("", {"controlnet_blocks.0": (3072, 3072), "controlnet_x_embedder": (3072, 64)})
    ],
    "controlnet_z_image": [
        t.linears("", {"control_all_x_embedder.2-1": (3840, 132), "control_layers.0.after_proj": (3840, 3840)})
    ],
    "controlnet_lllite": [
        t.linear("lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.conditioning1.0", 16, 3)
    ],
    "t2i_adapter_sd1": [a.t2i_adapter(192), a.t2i_adapter(64, diffusers=True)],
    "t2i_adapter_sdxl": [a.t2i_adapter(768), a.t2i_adapter(256, diffusers=True)],
    "ip_adapter_sd1": [a.ip_adapter(768), a.ip_adapter(768, lora=True)],
    "ip_adapter_sdxl": [a.ip_adapter(2048), a.ip_adapter(2048, lora=True)],
    "ip_adapter_flux1": [t.linear("double_blocks.0.processor.ip_adapter_double_stream_k_proj", 3072, 4096)],
}
T5 = "encoder.block.0.layer.0."
PARTS: dict[str, list[Shapes]] = {
    "vae_sd": [vae(), vae(diffusers=True), vae(root="first_stage_model."), vae(width=32, diffusers=True)],
    "vae_16": [vae(16), vae(16, diffusers=True)],
    "vae_flux2": [vae(32, diffusers=True) | {"bn.running_mean": (128,)}],
    "vae_wan": [{"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1), "encoder.conv1.weight": (96, 3, 3, 3, 3)}],
    "vae_dc": [
        {
            "decoder.stages.1.op_list.0.main.conv.conv.weight": (512, 512, 3, 3),
            "encoder.project_in.weight": (128, 3, 3, 3),
        }
    ],
    "vae_tiny": [
        {
            f"{half}.layers.{layer}.weight": (64, 64, 3, 3)
            for half in ("encoder", "decoder")
            for layer in ("0", "1", "2.conv.0", "3.conv.0")
        }
    ],
    "clip_text": [
        clip(root="text_model."),
        clip(),
        clip(1280, 32, "text_model."),
        open_clip(),
        open_clip(1280, 32),
        clip(32, 2),
    ],
    "t5": [
        {"shared.weight": (32128, 4096), f"{T5}SelfAttention.q.weight": (4096, 4096), f"{T5}layer_norm.weight": (4096,)}
    ],
    "language_model": [
        {
            f"model.{name}.weight": (2304, 2304)
            for name in ("embed_tokens", "layers.0.self_attn.q_proj", "layers.0.mlp.gate_proj", "norm")
        }
    ],
    "clip_vision": [
        t.linears("vision_model.encoder.layers.0.self_attn.", {"q_proj": (1280, 1280), "k_proj": (1280, 1280)})
        | {"vision_model.embeddings.patch_embedding.weight": (1280, 3, 14, 14)}
    ],
}
EMBEDDINGS: dict[str, list[Shapes]] = {
    "embedding_sd1": [
        {"emb_params": (8, 768)},
        {"<cat-toy>": (768,)},
        {"clip_l": (2, 768)},
        {"my.token": (1, 768)},
        {"string_to_token.*": (1,), "string_to_param.*": (2, 768)},
    ],
    "embedding_sd2": [{"emb_params": (8, 1024)}, {"my-style": (4, 1024)}],
    "embedding_sd3": [{"clip_l": (2, 768), "clip_g": (2, 1280), "t5xxl": (2, 4096)}],
    "embedding_sdxl": [
        {"clip_l": (8, 768), "clip_g": (8, 1280)},
        {"clip_l": (2, 32), "clip_g": (2, 48)},
        {"text_encoders_0": (2, 768), "text_encoders_1": (2, 1280)},
    ],
    "embedding_other": [{"emb_params": (8, 192)}],
}
FIXTURES: dict[str, list[Shapes]] = UNETS | TRANSFORMERS | ADAPTERS | CONTROLS | RESTORERS | PARTS | EMBEDDINGS
