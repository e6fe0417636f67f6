from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.adapters.formulas import changed, pair
from tests.engine.adapters.miniature import random

LINEAR, CONVOLUTION = (12, 8), (12, 8, 3, 3)
ALPHA = torch.tensor(1.0)


def double(*shape: int, seed: int = 0) -> Tensor:
    return random(*shape, seed=seed).double()


def test_lora_is_a_product_scaled_by_alpha_over_rank() -> None:
    weight, down, up = double(*LINEAR), double(4, 8), double(12, 4)
    wanted = weight + 0.25 * up @ down
    assert torch.allclose(changed({"down": down, "up": up, "alpha": ALPHA}, weight), wanted)
    assert torch.allclose(changed({"down": down, "up": up}, weight), weight + up @ down), "alpha is the rank"
    assert torch.allclose(changed({"down": down, "up": up, "alpha": 0 * ALPHA}, weight), weight + up @ down)
    assert torch.allclose(changed({"down": down, "up": up}, weight, scale=0.25), wanted)


def test_lora_of_a_convolution_written_in_loops() -> None:
    weight, down, up = double(*CONVOLUTION), double(4, 8, 3, 3), double(12, 4, 1, 1)
    wanted = weight.clone()
    for out in range(12):
        for rank in range(4):
            wanted[out] += 0.25 * up[out, rank, 0, 0] * down[rank]
    assert torch.allclose(changed({"down": down, "up": up, "alpha": ALPHA}, weight), wanted)


def test_a_pair_says_the_same_as_the_changed_weight() -> None:
    weight = double(*CONVOLUTION)
    tensors = {"down": double(4, 8, 1, 1), "mid": double(4, 4, 3, 3), "up": double(12, 4, 1, 1), "alpha": ALPHA}
    found = pair(tensors, weight.shape)
    assert found is not None
    made = weight + found.scale * torch.einsum("or,r...->o...", found.up, found.down)
    assert torch.allclose(changed(tensors, weight), made)
    x = double(2, 8, 5, 5)
    one_by_one = torch.conv2d(torch.conv2d(torch.conv2d(x, tensors["down"]), tensors["mid"]), tensors["up"])
    assert torch.allclose(torch.conv2d(x, weight) + 0.25 * one_by_one, torch.conv2d(x, made)), "Tucker is three layers"


@pytest.mark.parametrize("shape", [LINEAR, CONVOLUTION])
@pytest.mark.parametrize("axis", [0, 1])
def test_dora_gives_rows_or_columns_their_own_length(shape: tuple[int, ...], axis: int) -> None:
    weight, down, up = double(*shape), double(4, *shape[1:]), double(12, 4, *(1 for _ in shape[2:]))
    lengths = double(shape[axis]).abs()
    stored = lengths.reshape([-1 if dim == axis else 1 for dim in range(weight.ndim)])
    made = changed({"down": down, "up": up, "dora_scale": stored}, weight)
    others = [dim for dim in range(weight.ndim) if dim != axis]
    assert torch.allclose(torch.linalg.vector_norm(made, dim=others), lengths)
    plain = changed({"down": down, "up": up}, weight)
    length = torch.linalg.vector_norm
    cosine = (made * plain).sum(others) / length(made, dim=others) / length(plain, dim=others)
    assert torch.allclose(cosine, torch.ones_like(cosine)), "the directions are those of the plain LoRA"


def test_a_magnitude_of_peft_belongs_to_rows_even_in_a_square() -> None:
    weight, down, up, lengths = double(8, 8), double(4, 8), double(8, 4), double(8).abs()
    made = changed({"down": down, "up": up, "magnitude": lengths}, weight)
    assert torch.allclose(made.norm(dim=1), lengths)
    kernel = changed({"down": down, "up": up, "magnitude": lengths.reshape(1, 8, 1, 1)}, weight[..., None, None])
    assert torch.allclose(kernel.flatten(1), made)


def test_loha_multiplies_two_products() -> None:
    weight = double(*LINEAR)
    a1, b1, a2, b2 = double(12, 4), double(4, 8), double(12, 4, seed=1), double(4, 8, seed=1)
    tensors = {"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2, "alpha": ALPHA}
    assert torch.allclose(changed(tensors, weight), weight + 0.25 * (a1 @ b1) * (a2 @ b2))


def test_lokr_multiplies_by_kronecker() -> None:
    weight, w1, w2 = double(*LINEAR), double(3, 2), double(4, 4)
    wanted = weight + torch.kron(w1, w2)
    assert torch.allclose(changed({"lokr_w1": w1, "lokr_w2": w2, "alpha": ALPHA}, weight), wanted), "alpha says nothing"
    assert torch.allclose(changed({"lokr_w1": w1, "lokr_w2": w2}, weight, scale=4.0), weight + 4 * torch.kron(w1, w2))
    a, b = double(4, 2), double(2, 4)
    made = changed({"lokr_w1": w1, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": ALPHA}, weight)
    assert torch.allclose(made, weight + 0.5 * torch.kron(w1, a @ b))


def test_oft_turns_and_keeps_lengths() -> None:
    weight, blocks = double(*LINEAR), double(3, 4, 4)
    made = changed({"oft_blocks": blocks, "alpha": torch.tensor(0.0)}, weight)
    assert not torch.allclose(made, weight)
    assert torch.allclose(made.reshape(3, 4, 8).norm(dim=1), weight.reshape(3, 4, 8).norm(dim=1))
    little = changed({"oft_blocks": blocks, "alpha": torch.tensor(1e-6)}, weight)
    assert torch.allclose(little, weight, atol=1e-4), "alpha limits the turn"


def test_a_difference_is_added_and_ia3_scales() -> None:
    weight = double(*LINEAR)
    assert torch.allclose(changed({"diff": double(*LINEAR, seed=3)}, weight), weight + double(*LINEAR, seed=3))
    columns, rows = double(8), double(12)
    made = changed({"ia3": columns, "on_input": torch.tensor(1)}, weight)
    assert torch.allclose(made, weight * (1 + columns))
    made = changed({"ia3": rows, "on_input": torch.tensor(0)}, weight)
    assert torch.allclose(made, weight * (1 + rows[:, None]))


@pytest.mark.parametrize(
    "tensors",
    [
        {"down": double(4, 9), "up": double(12, 4)},
        {"down": double(4, 8), "up": double(12, 5)},
        {"lokr_w1": double(2, 3), "lokr_w2": double(4, 4)},
        {"diff": double(8, 12)},
        {"hada_w1_a": double(12, 4), "hada_w1_b": double(4, 9), "hada_w2_a": double(12, 4), "hada_w2_b": double(4, 9)},
    ],
)
def test_another_size_is_refused(tensors: dict[str, Tensor]) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        changed(tensors, double(*LINEAR))


MODULES: list[tuple[str, dict[str, Any]]] = [
    ("locon.LoConModule", {}),
    ("locon.LoConModule", {"use_tucker": True}),
    ("locon.LoConModule", {"weight_decompose": True, "wd_on_out": True}),
    ("locon.LoConModule", {"weight_decompose": True, "wd_on_out": False}),
    ("loha.LohaModule", {}),
    ("loha.LohaModule", {"use_tucker": True}),
    ("loha.LohaModule", {"weight_decompose": True}),
    ("lokr.LokrModule", {"factor": 2}),
    ("lokr.LokrModule", {"factor": 2, "decompose_both": True}),
    ("lokr.LokrModule", {"factor": 2, "use_tucker": True}),
    ("lokr.LokrModule", {"factor": 2, "full_matrix": True}),
    ("lokr.LokrModule", {"factor": 2, "weight_decompose": True}),
    ("diag_oft.DiagOFTModule", {"constraint": 0.01}),
    ("diag_oft.DiagOFTModule", {"rescaled": True}),
    ("glora.GLoRAModule", {}),
    ("ia3.IA3Module", {}),
]


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize("kernel", [None, 1, 3])
@pytest.mark.parametrize(("kind", "options"), MODULES)
def test_as_lycoris_computes_it(kind: str, options: dict[str, Any], kernel: int | None) -> None:
    """Against the library that writes these files, where it is installed: what a layer gives with its module on."""
    lycoris = pytest.importorskip("lycoris.modules")
    from sdtoolbox.engine.adapters.keys import split

    torch.manual_seed(0)
    layer: Any = torch.nn.Linear(16, 24) if kernel is None else torch.nn.Conv2d(16, 24, kernel, padding=kernel // 2)
    layer.requires_grad_(False)
    file, name = kind.split(".")
    __import__(f"lycoris.modules.{file}")
    module = getattr(getattr(lycoris, file), name)("lora_unet_x", layer, 1.0, 4, 2.0, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2 + (1.0 if parameter.ndim and "dora" in kind else 0.0))
        for key, parameter in module.named_parameters():
            if "dora" in key or "rescale" in key:
                parameter.abs_().add_(0.5)
    stored = {split(f"x.{key}"): value.detach() for key, value in module.state_dict().items()}
    tensors = {key[1]: value for key, value in stored.items() if key is not None}
    made = changed(tensors, layer.weight)
    x = torch.randn(2, 16) if kernel is None else torch.randn(2, 16, 5, 5)
    with torch.no_grad():
        wanted = module.eval()(x)
        found = torch.nn.utils.stateless.functional_call(layer, {"weight": made}, (x,))
    assert not torch.allclose(wanted, layer(x), atol=1e-3)
    assert torch.allclose(found, wanted, atol=1e-4), (found - wanted).abs().max()
