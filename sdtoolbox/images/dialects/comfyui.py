"""ComfyUI: a graph of nodes in `prompt`; walked from the sampler that begins the picture back to its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdtoolbox.images.dialects.comfyui_workflow import nodes_of_workflow
from sdtoolbox.images.dialects.names import sampler_and_schedule
from sdtoolbox.images.dialects.said import Said, json_object, pairs_of, size_of, written

MOST_NODES = 5000
MOST_STEPS = 500
"""Nodes that are looked at on the way to one value: a graph that somebody bent into a circle ends too."""
Node = Mapping[str, Any]
TEXTS = ("text", "text_g", "text_l", "prompt", "string", "value", "populated_text", "wildcard_text")
NUMBERS = ("value", "seed", "noise_seed", "int", "float", "number", "steps", "cfg")


class Graph:
    """The nodes by id; every walk looks at a node once."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self.nodes: dict[str, Node] = {
            str(name): node
            for name, node in list(nodes.items())[:MOST_NODES]
            if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
        }

    def behind(self, node: Node, name: str) -> Node | None:
        """The node that an input is linked to."""
        link = node["inputs"].get(name)
        return self.nodes.get(str(link[0])) if isinstance(link, list) and len(link) == 2 else None

    def upstream(self, node: Node | None, *through: str) -> Iterator[Node]:
        """The node and all before it, the nearest first; only along inputs called `through`, if any are given."""
        waiting = [node] if node is not None else []
        seen: set[int] = set()
        while waiting and len(seen) < MOST_STEPS:
            here = waiting.pop(0)
            if id(here) in seen:
                continue
            seen.add(id(here))
            yield here
            names = through or tuple(here["inputs"])
            waiting += [found for name in names if (found := self.behind(here, name)) is not None]

    def value(self, node: Node, name: str, among: tuple[str, ...] = NUMBERS) -> Any:
        """What an input is: as it stands there, or the first plain value of the nodes behind it."""
        plain = node["inputs"].get(name)
        if not isinstance(plain, list):
            return plain
        for found in self.upstream(self.behind(node, name)):
            for key in among:
                value = found["inputs"].get(key)
                if isinstance(value, str | int | float):
                    return value
        return None

    def text(self, node: Node | None) -> str:
        """The words of a conditioning, through whatever combines, limits or controls it."""
        for found in self.upstream(node, "conditioning", "conditioning_1", "positive", "conditioning_to", "cond1"):
            texts = [self.value(found, key, TEXTS) for key in TEXTS if key in found["inputs"]]
            words = [text for text in texts if isinstance(text, str) and text.strip()]
            if words:
                return "\n".join(dict.fromkeys(words))
        return ""


def read(texts: Mapping[str, str]) -> Said | None:
    """What a picture of ComfyUI says; None for others', and for a graph in which nothing draws."""
    graph = Graph(json_object(texts.get("prompt")) or nodes_of_workflow(json_object(texts.get("workflow"))))
    sampler = _first_sampler(graph)
    return None if sampler is None else _said(graph, sampler)


def _first_sampler(graph: Graph) -> Node | None:
    """The sampler that all others build upon: the last one on the way back from a picture that is kept."""
    ends = [node for node in graph.nodes.values() if str(node.get("class_type", "")).startswith(("Save", "Preview"))]
    for end in ends or list(graph.nodes.values())[-1:]:
        found = [node for node in graph.upstream(end) if _samples(node)]
        if found:
            return found[-1]
    return next((node for node in graph.nodes.values() if _samples(node)), None)


def _samples(node: Node) -> bool:
    inputs = node["inputs"]
    return "latent_image" in inputs and ("positive" in inputs or "guider" in inputs)


def _said(graph: Graph, sampler: Node) -> Said:
    guider = graph.behind(sampler, "guider") or sampler
    chosen = graph.behind(sampler, "sampler") or sampler
    sigmas = graph.behind(sampler, "sigmas") or sampler
    model, tags = _models(graph, guider)
    seed = graph.value(sampler, "seed")
    if seed is None:
        seed = graph.value(sampler, "noise_seed")
    if seed is None:
        seed = graph.value(sampler, "noise")
    pairs = pairs_of(
        {
            "Steps": graph.value(sigmas, "steps"),
            **sampler_and_schedule(graph.value(chosen, "sampler_name"), graph.value(sigmas, "scheduler")),
            "CFG scale": graph.value(guider, "cfg"),
            "Seed": seed,
            "Size": _size(graph, sampler),
            "Model": model,
            "VAE": _named(graph, "vae_name"),
            "Clip skip": _clip_skip(graph),
            "Denoising strength": _strength(graph.value(sigmas, "denoise")),
        }
    )
    samplers = sum(_samples(node) for node in graph.nodes.values())
    if samplers > 1:
        pairs["Passes"] = str(samplers)
    positive = graph.text(graph.behind(guider, "positive") or graph.behind(guider, "conditioning"))
    prompt = " ".join(part for part in (positive, *tags) if part)
    return Said("ComfyUI", prompt, graph.text(graph.behind(guider, "negative")), pairs)


def _models(graph: Graph, sampler: Node) -> tuple[str | None, list[str]]:
    """The checkpoint, and the adapters on the way to it as tags."""
    tags = []
    for node in graph.upstream(graph.behind(sampler, "model"), "model"):
        inputs = node["inputs"]
        if isinstance(inputs.get("lora_name"), str):
            # A loader without a weight for the text encoder (LoraLoaderModelOnly) leaves that alone.
            weight, on_text = inputs.get("strength_model", 1), inputs.get("strength_clip", 0)
            numbers = [weight] if on_text == weight else [on_text, weight]
            tags.append(":".join(["<lora", _stem(inputs["lora_name"]), *map(written, numbers)]) + ">")
        for key in ("ckpt_name", "unet_name"):
            if isinstance(inputs.get(key), str):
                return _stem(inputs[key]), tags[::-1]
    return None, tags[::-1]


def _stem(file: str) -> str:
    return file.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".safetensors").removesuffix(".ckpt")


def _named(graph: Graph, key: str) -> str | None:
    names = [node["inputs"][key] for node in graph.nodes.values() if isinstance(node["inputs"].get(key), str)]
    return _stem(names[0]) if names else None


def _size(graph: Graph, sampler: Node) -> str | None:
    for node in graph.upstream(graph.behind(sampler, "latent_image")):
        if "width" in node["inputs"] and "height" in node["inputs"]:
            return size_of(graph.value(node, "width"), graph.value(node, "height"))
    return None


def _clip_skip(graph: Graph) -> int | None:
    for node in graph.nodes.values():
        layer = node["inputs"].get("stop_at_clip_layer")
        if isinstance(layer, int) and layer < -1:
            return -layer
    return None


def _strength(denoise: Any) -> float | None:
    return denoise if isinstance(denoise, int | float) and denoise < 1 else None
