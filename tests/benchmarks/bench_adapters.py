"""What a LoRA costs on a full-size Stable Diffusion 1.5 with random weights: attaching it, and each step with it.

python tests/benchmarks/bench_adapters.py [--rounds 6] [--side 256] [--threads 1] [--rank 16]

Two files: the 128 attention projections of the UNet, and everything kohya's trainer adapts (192 layers of the UNet,
72 of the text encoder). With and without alternate, and peft where it is installed; times are CPU time, so that
other work on the machine counts less. Believe the ratios, which compare neighbours in time.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sdtoolbox.engine.adapters import attach, load_adapter  # noqa: E402
from sdtoolbox.engine.components import Components  # noqa: E402
from sdtoolbox.engine.devices import open_device  # noqa: E402
from sdtoolbox.models.entries import CatalogEntry  # noqa: E402
from sdtoolbox.schema.adapters import Adapter  # noqa: E402
from sdtoolbox.settings import Settings  # noqa: E402

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
KOHYA = (*ATTENTION, "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")


def build(dtype: torch.dtype) -> Components:
    """The networks of Stable Diffusion 1.5, 860 M and 123 M parameters, of small random numbers."""
    torch.manual_seed(0)
    with torch.device("meta"):
        networks: dict[str, Any] = {
            "unet": UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8),
            "text_encoder": CLIPTextModel(
                CLIPTextConfig(
                    hidden_size=768,
                    intermediate_size=3072,
                    projection_dim=768,
                    num_attention_heads=12,
                    num_hidden_layers=12,
                )
            ),
        }
    for network in networks.values():
        network.to(dtype).to_empty(device="cpu").eval().requires_grad_(False)
        for parameter in network.parameters():
            parameter.normal_(std=0.02)
    networks["unet"].to(memory_format=torch.channels_last)
    return Components("sd1", networks, {}, {})


def write(file: Path, components: Components, endings: tuple[str, ...], rank: int, text: bool) -> CatalogEntry:
    """A LoRA in diffusers' spelling (which peft reads too) over the layers with these endings."""
    tensors: dict[str, torch.Tensor] = {}
    layers = [(f"unet.{path}", layer) for path, layer in components.unet.named_modules() if path.endswith(endings)]
    if text:
        linear = [(path, m) for path, m in components.text_encoder.named_modules() if isinstance(m, nn.Linear)]
        layers += [(f"text_encoder.{path}", layer) for path, layer in linear]
    for name, layer in layers:
        out, features, *kernel = layer.weight.shape
        tensors[f"{name}.lora_A.weight"] = torch.randn(rank, features, *kernel).half() * 0.02
        tensors[f"{name}.lora_B.weight"] = torch.randn(out, rank, *(1 for _ in kernel)).half() * 0.02
    save_file(tensors, file)
    print(f"{file.stem}: {len(layers)} layers, rank {rank}, {file.stat().st_size / 1e6:.1f} MB")
    return CatalogEntry(id="0" * 32, name=file.stem, kind="lora", base="sd1", state="ready", path=file)


def timed(work: Callable[[], Any], times: list[float]) -> Any:
    """What `work` gives; its CPU seconds are added to `times`."""
    start = time.process_time()
    result = work()
    times.append(time.process_time() - start)
    return result


@torch.no_grad()
def measure(components: Components, entry: CatalogEntry, rounds: int, side: int) -> None:
    """Print the medians for one file."""
    unet = components.unet
    dtype = next(unet.parameters()).dtype
    x, context = torch.randn(2, 4, side // 8, side // 8, dtype=dtype), torch.randn(2, 77, 768, dtype=dtype)

    def step() -> None:
        unet(x, 500, context, return_dict=False)

    times: dict[str, list[float]] = {name: [] for name in ("step", "read", "attach", "remove", "step with")}
    peft = importlib.util.find_spec("peft") is not None
    if peft:
        times |= {"peft attach": [], "peft remove": [], "peft step": []}
    for _ in range(rounds + 1):
        timed(step, times["step"])
        loaded = timed(partial(load_adapter, entry, components), times["read"])
        attached = timed(partial(attach, components, [(loaded, Adapter(adapter="x", weight=0.8))]), times["attach"])
        timed(step, times["step with"])
        timed(attached.remove, times["remove"])
        if peft:
            state = {name: tensor for name, tensor in load_file(entry.path).items() if name.startswith("unet.")}
            timed(partial(unet.load_lora_adapter, state, prefix="unet"), times["peft attach"])
            timed(step, times["peft step"])
            timed(unet.unload_lora, times["peft remove"])
    for name, values in times.items():
        kept = values[1:]  # the first round warms up
        line = f"  {name:12} {statistics.median(kept):8.3f} s"
        if name.endswith(("with", "step")) and name != "step":
            ratio = statistics.median(a / b for a, b in zip(kept, times["step"][1:], strict=True))
            line += f", {ratio:.3f} x the step without"
        print(line, flush=True)


def main() -> None:
    """Measure both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--side", type=int, default=256, help="of the pictures, in pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rank", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        device = open_device(Settings(home=folder, threads=options.threads, device="cpu"))
        components = build(device.precision(860_000_000))
        print(f"{device.processor}, {options.threads} threads, {next(components.unet.parameters()).dtype}")
        files = {"attention": (ATTENTION, False), "everything": (KOHYA, True)}
        for name, (endings, text) in files.items():
            entry = write(folder / f"{name}.safetensors", components, endings, options.rank, text)
            measure(components, entry, options.rounds, options.side)


if __name__ == "__main__":
    main()
