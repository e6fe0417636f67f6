import torch
from torch import nn

from sdtoolbox.training.optimizer import MuonAdamW, orthogonalize


def test_singular_values_come_near_one() -> None:
    matrix = torch.randn(16, 48, generator=torch.Generator().manual_seed(0))
    for x in (matrix, matrix.T):
        values = torch.linalg.svdvals(orthogonalize(x))
        assert values.min() > 0.5
        assert values.max() < 1.3


def test_matrices_and_kernels_go_to_muon_the_rest_to_adam() -> None:
    module = nn.ModuleList([nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Embedding(20, 16), nn.GroupNorm(4, 16)])
    optimizer = MuonAdamW(module, 1e-3, 0.0)
    assert [tuple(p.shape) for p in optimizer.matrices] == [(16, 16, 3, 3)]  # three colours are no matrix


def test_a_step_has_the_size_of_an_adam_step_and_clears_gradients() -> None:
    torch.manual_seed(0)
    module = nn.Linear(32, 64, bias=False)
    before = module.weight.detach().clone()
    optimizer = MuonAdamW(module, 0.0, 0.0)
    module(torch.randn(8, 32)).square().mean().backward()
    optimizer.step(0.01)
    moved = (module.weight.detach() - before).square().mean().sqrt()
    assert 0.0003 < moved < 0.003
    assert module.weight.grad is None


def test_frozen_parameters_stay() -> None:
    module = nn.Linear(16, 16)
    module.weight.requires_grad_(False)
    before = module.weight.clone()
    optimizer = MuonAdamW(module, 0.1, 0.1)
    module(torch.ones(1, 16)).sum().backward()
    optimizer.step(0.1)
    assert torch.equal(before, module.weight)
