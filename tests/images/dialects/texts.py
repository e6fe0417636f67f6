"""Texts as programs write them into pictures, each with what it must be read as; written by us after their formats."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One text, the fields of `Txt2Img` that it sets, and the keys that no field takes.

    A plain string is the text called `parameters`. Fields that a text sets by saying nothing about them (the first
    CLIP layer, no tiling) are left out here.
    """

    name: str
    texts: str | dict[str, str]
    values: dict[str, Any]
    rest: tuple[str, ...] = ()


def a(prompt: str, negative: str = "", **values: Any) -> dict[str, Any]:
    """The values of a text; those of `LINE` unless it says others, None for one that is not there."""
    usual = {"steps": 20, "sampler": "Euler a", "guidance_scale": 7, "seed": 965, "width": 512, "height": 512}
    found = usual | values | {"prompt": prompt, "negative_prompt": negative}
    return {name: value for name, value in found.items() if value is not None}


LINE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965, Size: 512x512"
NEW_LINE = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965, Size: 512x512"
KARRAS = {"sampler": "DPM++ 2M", "schedule": "Karras"}
CIVITAI = json.dumps([{"type": "checkpoint", "modelVersionId": 1}, {"type": "lora", "weight": 0.5}])

A1111 = (
    Row("plain", f"a castle\n{LINE}", a("a castle")),
    Row("negative prompt", f"a castle\nNegative prompt: fog\n{LINE}", a("a castle", "fog")),
    Row(
        "prompts of many lines",
        f"a castle,\n  on a hill\n\nat dawn\nNegative prompt: fog,\nrain\n{LINE}",
        a("a castle,\n  on a hill\n\nat dawn", "fog,\nrain"),
    ),
    Row("no prompt at all", LINE, a("")),
    Row("a negative prompt alone", f"Negative prompt: fog\n{LINE}", a("", "fog")),
    Row("an empty first line", f"\nNegative prompt: fog\n{LINE}", a("", "fog")),
    Row("line ends of Windows", f"a castle\r\nNegative prompt: fog\r\n{LINE}\r\n", a("a castle", "fog")),
    Row("space before line breaks", f"a castle \nNegative prompt: fog \n{LINE} ", a("a castle", "fog")),
    Row("old: schedule in the sampler", f"x\n{LINE.replace('Euler a', 'DPM++ 2M Karras')}", a("x", **KARRAS)),
    Row(
        "old: exponential in the sampler",
        f"x\n{LINE.replace('Euler a', 'DPM++ 2M SDE Exponential')}",
        a("x", sampler="DPM++ 2M SDE", schedule="Exponential"),
    ),
    Row("new: schedule by itself", f"x\n{NEW_LINE}", a("x", **KARRAS)),
    Row(
        "new: automatic", f"x\n{NEW_LINE.replace('Karras', 'Automatic')}", a("x", **KARRAS | {"schedule": "Automatic"})
    ),
    Row("undefined sampler", f"x\n{LINE.replace('Euler a', 'Undefined')}", a("x", sampler=None)),
    Row("clip skip", f"x\n{LINE}, Clip skip: 2", a("x", clip_skip=2)),
    Row("emphasis", f"x\n{LINE}, Emphasis: No norm", a("x", emphasis="no norm")),
    Row(
        "model and hash", f"x\n{LINE}, Model hash: 6ce0161689, Model: v1-5", a("x", checkpoint="v1-5"), ("Model hash",)
    ),
    Row("hash of the first releases", f"x\n{LINE}, Model hash: 81761151", a("x"), ("Model hash",)),
    Row(
        "model name in quotes",
        f'x\n{LINE}, Model: "a, \\"b\\": c", Version: v1.6.0',
        a("x", checkpoint='a, "b": c'),
        ("Version",),
    ),
    Row(
        "model name with a line break",
        f'x\n{LINE}, Model: "a\\nb", Version: v1',
        a("x", checkpoint="a\nb"),
        ("Version",),
    ),
    Row("VAE", f"x\n{LINE}, VAE hash: 735e4c3a44, VAE: soft.pt", a("x", vae="soft.pt"), ("VAE hash",)),
    Row("no VAE", f"x\n{LINE}, VAE: Automatic", a("x")),
    Row(
        "hires fix",
        f"x\n{LINE}, Denoising strength: 0.55, Hires upscale: 1.5, Hires steps: 12, Hires upscaler: Latent",
        a("x", hires=True, hires_strength=0.55, hires_scale=1.5, hires_steps=12, hires_upscaler="Latent"),
    ),
    Row(
        "hires fix, the same in both passes",
        f"x\n{LINE}, Denoising strength: 0.7, Hires resize: 1024x768, Hires upscaler: Latent, Hires steps: 0, "
        "Hires sampler: Use same sampler",
        a("x", hires=True, hires_strength=0.7, hires_width=1024, hires_height=768, hires_upscaler="Latent"),
    ),
    Row(
        "hires fix with words of its own",
        f'x\n{LINE}, Denoising strength: 0.4, Hires prompt: "a, b: c\\nd", Hires upscale: 2, Hires sampler: Heun',
        a("x", hires=True, hires_strength=0.4, hires_prompt="a, b: c\nd", hires_scale=2, hires_sampler="Heun"),
    ),
    Row("strength without a second pass", f"x\n{LINE}, Denoising strength: 0.75", a("x"), ("Denoising strength",)),
    Row(
        "variation",
        f"x\n{LINE}, Variation seed: 7, Variation seed strength: 0.25, Seed resize from: 512x768",
        a("x", variation_seed=7, variation_strength=0.25, seed_resize_width=512, seed_resize_height=768),
    ),
    Row("tiling", f"x\n{LINE}, Tiling: True", a("x", tiling="both")),
    Row(
        "refiner",
        f"x\n{LINE}, Refiner: refine [7440042bbd], Refiner switch at: 0.8",
        a("x", refiner="refine [7440042bbd]", refiner_switch_at=0.8),
    ),
    Row(
        "LoRA hashes in quotes",
        f'a <lora:ink:0.8>\n{LINE}, Lora hashes: "ink: 0a1b2c3d4e5f, oil: 5f4e3d2c1b0a", Version: v1.10.1',
        a("a <lora:ink:0.8>"),
        ("Lora hashes", "Version"),
    ),
    Row(
        "extras of extensions",
        f'x\n{LINE}, ADetailer model: face.pt, ControlNet 0: "Module: canny, Model: c, Weight: 1", ENSD: 31337',
        a("x"),
        ("ADetailer model", "ControlNet 0", "ENSD"),
    ),
    Row(
        "JSON without quotes, as Civitai writes",
        f"x\n{LINE}, Civitai resources: {CIVITAI}, Civitai metadata: {{}}, Clip skip: 2",
        a("x", clip_skip=2),
        ("Civitai resources", "Civitai metadata"),
    ),
    Row("hashes in an object", f'x\n{LINE}, Hashes: {{"model": "ab", "lora:x": "cd"}}', a("x"), ("Hashes",)),
    Row(
        "Forge",
        f"x\n{NEW_LINE}, Distilled CFG Scale: 3.5, Module 1: ae, Version: f2.0.1v1.10.1",
        a("x", **KARRAS),
        ("Distilled CFG Scale", "Module 1", "Version"),
    ),
    Row(
        "a line of a wildcard extension after the pairs",
        f'x\n{LINE}\nTemplate: "{{a|b}}, c"',
        a("x"),
        ("Template",),
    ),
    Row("line breaks lost", f"a castle. Negative prompt: fog {LINE}", a("a castle.", "fog")),
    Row(
        "the line cut off",
        "a castle\nSteps: 20, Sampler: Euler a, CFG sc",
        {"prompt": "a castle\nSteps: 20, Sampler: Euler a, CFG sc", "negative_prompt": ""},
    ),
    Row("nothing but words", "a castle: old, ruined", {"prompt": "a castle: old, ruined", "negative_prompt": ""}),
    Row(
        "quotes and brackets in the prompt",
        f'a "big, red": [house:tree:0.3] {{x}}\n{LINE}',
        a('a "big, red": [house:tree:0.3] {x}'),
    ),
    Row(
        "a prompt that speaks of steps",
        f"Steps: 5, up: down, left: right\nSteps: 9, Sampler: Heun\nNegative prompt: Steps: 3\n{LINE}",
        a("Steps: 5, up: down, left: right\nSteps: 9, Sampler: Heun", "Steps: 3"),
    ),
    Row(
        "words of other scripts",
        f"一座红色的房子, 🏠\nNegative prompt: туман\n{LINE}",
        a("一座红色的房子, 🏠", "туман"),
    ),
    Row(
        "no sampler, no size",
        "x\nSteps: 20, CFG scale: 7.5, Seed: 1",
        a("x", sampler=None, guidance_scale=7.5, seed=1, width=None, height=None),
    ),
    Row("size with spaces", f"x\n{LINE.replace('512x512', '640 x 384')}", a("x", width=640, height=384)),
    Row("options of the sampler", f"x\n{LINE}, Eta: 0.5", a("x", sampler_options={"eta": 0.5})),
    Row(
        "SD.Next",
        f"x\nNegative prompt: fog\n{LINE}, Index: 0, Parser: A1111, App: SD.Next, Operations: txt2img",
        a("x", "fog"),
        ("Index", "Parser", "App", "Operations"),
    ),
)

GRAPH: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 965,
            "steps": 20,
            "cfg": 7,
            "sampler_name": "euler_ancestral",
            "scheduler": "karras",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15/dream.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle", "clip": ["11", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["11", 0]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "ink.safetensors",
            "strength_model": 0.8,
            "strength_clip": 0.5,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
}
SECOND_PASS = GRAPH | {
    "20": {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 1024, "height": 1536}},
    "21": {
        "class_type": "KSampler",
        "inputs": GRAPH["3"]["inputs"] | {"seed": 1, "steps": 9, "denoise": 0.5, "latent_image": ["20", 0]},
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["21", 0], "vae": ["4", 2]}},
}
LINKED = GRAPH | {
    "3": {"class_type": "KSampler", "inputs": GRAPH["3"]["inputs"] | {"seed": ["30", 0]}},
    "30": {"class_type": "PrimitiveInt", "inputs": {"value": 12}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["31", 0], "clip": ["11", 0]}},
    "31": {"class_type": "PrimitiveString", "inputs": {"value": "a linked castle"}},
}
CUSTOM = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flow.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle"}},
    "3": {
        "class_type": "CFGGuider",
        "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "cfg": 4},
    },
    "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "5": {
        "class_type": "BasicScheduler",
        "inputs": {"scheduler": "simple", "steps": 8, "denoise": 1, "model": ["1", 0]},
    },
    "6": {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}},
    "7": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 640, "height": 640}},
    "8": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["6", 0],
            "guider": ["3", 0],
            "sampler": ["4", 0],
            "sigmas": ["5", 0],
            "latent_image": ["7", 0],
        },
    },
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}
WORKFLOW = {
    "nodes": [
        {
            "id": 3,
            "type": "KSampler",
            "widgets_values": [965, "fixed", 20, 7, "euler_ancestral", "karras", 1],
            "inputs": [
                {"name": "model", "link": 1},
                {"name": "positive", "link": 2},
                {"name": "negative", "link": 3},
                {"name": "latent_image", "link": 4},
            ],
        },
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["dream.safetensors"]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a castle"]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["fog"]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 768, 1]},
    ],
    "links": [[1, 4, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "C"], [3, 7, 0, 3, 2, "C"], [4, 5, 0, 3, 3, "LATENT"]],
}
COMFY = {**a("a castle", "fog", schedule="Karras", height=768, checkpoint="dream")}
INK = "<lora:ink:0.5:0.8>"
TAGGED = COMFY | {"prompt": f"a castle {INK}", "clip_skip": 2}
COMFYUI = (
    Row("a graph", {"prompt": json.dumps(GRAPH), "workflow": "{}"}, TAGGED),
    Row("two passes", {"prompt": json.dumps(SECOND_PASS)}, TAGGED, ("Passes",)),
    Row(
        "values behind links", {"prompt": json.dumps(LINKED)}, TAGGED | {"seed": 12, "prompt": f"a linked castle {INK}"}
    ),
    Row(
        "a sampler in parts",
        {"prompt": json.dumps(CUSTOM)},
        a(
            "a castle",
            "a castle",
            steps=8,
            sampler="Euler",
            schedule="Simple",
            guidance_scale=4,
            seed=5,
            width=640,
            height=640,
            checkpoint="flow",
        ),
    ),
    Row("only the editor's workflow", {"workflow": json.dumps(WORKFLOW)}, COMFY),
)

INVOKE = {
    "generation_mode": "txt2img",
    "positive_prompt": "a castle",
    "negative_prompt": "fog",
    "width": 512,
    "height": 768,
    "seed": 965,
    "cfg_scale": 7,
    "steps": 20,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 1,
    "model": {"key": "k", "hash": "blake3:00", "name": "dream", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
    "app_version": "5.4.0",
}
INVOKE_3 = INVOKE | {
    "model": {"model_name": "dream", "base_model": "sd-1"},
    "loras": [{"lora": {"model_name": "ink", "base_model": "sd-1"}, "weight": 0.75}],
}
INVOKE_2 = {
    "model": "stable diffusion",
    "model_weights": "sd-1.5",
    "model_hash": "ab12",
    "app_version": "2.3.0",
    "image": {
        "prompt": [{"prompt": "a castle [fog, rain]", "weight": 1}],
        "steps": 20,
        "cfg_scale": 7,
        "seed": 965,
        "width": 512,
        "height": 512,
        "sampler": "k_euler_a",
        "type": "txt2img",
        "variations": [],
    },
}
NEW_INVOKE = a("a castle <lora:ink:0.75>", "fog", **KARRAS, height=768, clip_skip=2, checkpoint="dream")
INVOKEAI = (
    Row("since 4", {"invokeai_metadata": json.dumps(INVOKE)}, NEW_INVOKE, ("Version", "generation_mode")),
    Row("of 3", {"invokeai_metadata": json.dumps(INVOKE_3)}, NEW_INVOKE, ("Version", "generation_mode")),
    Row(
        "of 2",
        {"sd-metadata": json.dumps(INVOKE_2)},
        a("a castle", "fog, rain", checkpoint="sd-1.5"),
        ("Model hash", "Version"),
    ),
    Row(
        "of 1",
        {"Dream": '"a castle [fog]" -s 20 -S965 -W512 -H 768 -C 7.5 -A k_lms'},
        a("a castle", "fog", sampler="LMS", guidance_scale=7.5, height=768),
    ),
)

FOOOCUS_JSON = {
    "base_model": "juggernaut",
    "base_model_hash": "aeb7e9e689",
    "clip_skip": 2,
    "guidance_scale": 4,
    "loras": [["offset", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "negative_prompt": "fog",
    "performance": "Speed",
    "prompt": "a castle",
    "refiner_model": "None",
    "refiner_switch": 0.5,
    "resolution": "(896, 1152)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "965",
    "sharpness": 2,
    "steps": 30,
    "styles": "['Fooocus V2']",
    "vae": "Default (model)",
    "version": "Fooocus v2.5.3",
}
FOOOCUS = (
    Row(
        "its own scheme",
        {"parameters": json.dumps(FOOOCUS_JSON), "fooocus_scheme": "fooocus"},
        a(
            "a castle <lora:offset:0.1>",
            "fog",
            steps=30,
            sampler="DPM++ 2M SDE",
            schedule="Karras",
            guidance_scale=4,
            width=896,
            height=1152,
            clip_skip=2,
            checkpoint="juggernaut",
        ),
        ("Model hash", "Version", "Lora hashes", "performance", "sharpness", "styles"),
    ),
    Row(
        "the scheme of A1111",
        {
            "parameters": f"a castle\nNegative prompt: fog\n{LINE.replace('Euler a', 'dpmpp_2m')}, Sharpness: 2, "
            "Styles: \"['Fooocus V2', 'Sharp']\"",
            "fooocus_scheme": "a1111",
        },
        a("a castle", "fog", sampler="DPM++ 2M"),
        ("Sharpness", "Styles"),
    ),
)

NOVEL = {
    "steps": 28,
    "height": 768,
    "width": 512,
    "scale": 5,
    "seed": 965,
    "sampler": "k_euler_ancestral",
    "noise_schedule": "karras",
    "uc": "[fog]",
    "sm": False,
    "prompt": "{a castle}, (old) [[hill]], 1.5::sun::, sky",
}
NOVELAI = (
    Row(
        "Comment",
        {"Software": "NovelAI", "Source": "Stable Diffusion C1E1DE52", "Comment": json.dumps(NOVEL)},
        a(
            "(a castle:1.05), \\(old\\) (hill:0.907), (sun:1.5), sky",
            "(fog:0.952)",
            steps=28,
            guidance_scale=5,
            height=768,
            schedule="Karras",
            checkpoint="Stable Diffusion C1E1DE52",
        ),
        ("sm",),
    ),
    Row(
        "of version 4",
        {
            "Software": "NovelAI",
            "Description": "ignored",
            "Comment": json.dumps(
                {"steps": 28, "seed": 1, "v4_prompt": {"caption": {"base_caption": "a castle"}}, "sampler": "k_euler"}
            ),
        },
        {"prompt": "a castle", "negative_prompt": "", "steps": 28, "seed": 1, "sampler": "Euler"},
    ),
    Row(
        "the first release",
        {
            "Software": "NovelAI",
            "Description": "a castle",
            "Comment": json.dumps({"steps": 28, "sampler": "k_euler", "uc": "fog"}),
        },
        {"prompt": "a castle", "negative_prompt": "fog", "steps": 28, "sampler": "Euler"},
    ),
)
