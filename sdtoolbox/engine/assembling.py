"""Networks put together: made without weights from a configuration, then filled tensor by tensor from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.downsampling import KDownsample2D
from diffusers.models.upsampling import KUpsample2D
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sdtoolbox.engine.components import ENCODERS
from sdtoolbox.engine.original_names import Find
from sdtoolbox.engine.reading import Source, TensorFiles

CLASSES: Mapping[str, Any] = {
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
}

TEXT_KEYS = (
    *("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads"),
    *("max_position_embeddings", "hidden_act", "layer_norm_eps", "pad_token_id", "bos_token_id", "eos_token_id"),
)
"""All that is taken from a text encoder's configuration. transformers obeys others too: the name of an attention
kernel makes it fetch code, and run it."""


class Misfit(ValueError):  # noqa: N818 - becomes a UserError that names the part
    """Configuration and weights do not belong together; the text says which weight is at fault."""


@dataclass(slots=True)
class Blueprint:
    """A network without its weights, and where each of them is stored."""

    part: str
    network: Any
    files: TensorFiles
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def fill(self, dtype: torch.dtype, device: torch.device, *, channels_last: bool = False) -> nn.Module:
        """The network, ready to be used: at no time is more than one tensor in memory twice."""
        for name, parameter in list(self.network.named_parameters()):
            weight = self.files.read(self.sources[name], dtype).reshape(parameter.shape)
            layout = torch.channels_last if channels_last and weight.ndim == 4 else torch.preserve_format
            owner, _, own_name = name.rpartition(".")
            weight = weight.to(device, memory_format=layout)
            setattr(self.network.get_submodule(owner), own_name, nn.Parameter(weight, requires_grad=False))
        for name, buffer in list(self.network.named_buffers()):
            owner, _, own_name = name.rpartition(".")
            module = self.network.get_submodule(owner)
            setattr(module, own_name, _constant(name, buffer, module).to(device))
        network: nn.Module = self.network.eval()
        return network


def blueprint(part: str, config: Mapping[str, Any], files: TensorFiles, find: Find) -> Blueprint:
    """A `part` with this diffusers or transformers configuration; Misfit unless the files hold all its weights.

    A weight that a file lacks would be left random by the libraries: a picture of noise, reported as a success.
    """
    plan = Blueprint(part, _empty(part, config), files)
    missing = []
    for name, parameter in plan.network.named_parameters():
        candidates = find(name)
        source = next((source for source in candidates if source.name in files), None)
        if source is None:
            missing.append(candidates[0].name if candidates else name)
        else:
            _check(source, files, parameter)
            plan.sources[name] = source
    if missing:
        raise Misfit(f"{len(missing)} weights are missing, {min(missing)} for one")
    return plan


def _check(source: Source, files: TensorFiles, parameter: Tensor) -> None:
    """A linear layer may be stored as a convolution with a kernel of one pixel, or the other way round."""
    found, wanted = files.shape(source), tuple(parameter.shape)
    if source.third is not None and files.info(source.name).shape[0] % 3:
        raise Misfit(f"the rows of {source.name} are not three times as many as anything")
    pixel = (1, 1)
    if wanted not in (found, (*found, *pixel)) and found != (*wanted, *pixel):
        raise Misfit(f"{source.name} has shape {_by(found)} and should have {_by(wanted)}")


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _empty(part: str, config: Mapping[str, Any]) -> nn.Module:
    with torch.device("meta"):
        if part in ENCODERS:
            known = {key: config[key] for key in TEXT_KEYS if key in config}
            network: nn.Module = CLASSES[part](CLIPTextConfig(**known, attn_implementation="sdpa"))
        else:
            network = CLASSES[part].from_config(dict(config))
    return network


def _constant(name: str, buffer: Tensor, owner: nn.Module) -> Tensor:
    """What no file has to hold: the numbers of places, and the filters that some networks resample with."""
    if name.endswith("position_ids"):
        return torch.arange(buffer.shape[-1]).expand(buffer.shape)
    if isinstance(owner, KDownsample2D | KUpsample2D):
        kernel: Tensor = type(owner)(owner.pad_mode).kernel
        return kernel
    raise Misfit(f"nothing is known of the buffer {name}")
