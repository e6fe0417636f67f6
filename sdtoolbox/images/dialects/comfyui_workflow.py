"""ComfyUI's `workflow`, as its editor keeps it, brought to the form of `prompt`, for pictures that lack the latter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_LINKS = 20_000
# The editor keeps a node's settings in their order only; these are the orders of the nodes that ship with it.
WIDGETS: Mapping[str, tuple[str, ...]] = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "VAELoader": ("vae_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "CLIPTextEncode": ("text",),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "RandomNoise": ("noise_seed",),
    "PrimitiveNode": ("value",),
}


def nodes_of_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """{id: {class_type, inputs}} of a workflow; empty where there is none."""
    nodes, links = workflow.get("nodes"), workflow.get("links")
    if not isinstance(nodes, list):
        return {}
    sources = {
        str(link[0]): [str(link[1]), link[2]]
        for link in (links[:MOST_LINKS] if isinstance(links, list) else [])
        if isinstance(link, list) and len(link) >= 3
    }
    return {str(node.get("id")): _node(node, sources) for node in nodes if isinstance(node, dict)}


def _node(node: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(node.get("type", ""))
    values = node.get("widgets_values")
    inputs: dict[str, Any] = {}
    if isinstance(values, dict):
        inputs |= values
    elif isinstance(values, list):
        inputs |= {name: value for name, value in zip(WIDGETS.get(kind, ()), values, strict=False) if name}
    sockets = node.get("inputs")
    for socket in sockets if isinstance(sockets, list) else []:
        source = sources.get(str(socket.get("link"))) if isinstance(socket, dict) else None
        if source is not None:
            inputs[str(socket.get("name"))] = source
    return {"class_type": kind, "inputs": inputs}
