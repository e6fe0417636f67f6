"""The tiny checkpoints, loaded once for all tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.settings import Settings


@pytest.fixture(scope="session")
def manager(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManager:
    """An owner of weights over both tiny checkpoints, on the CPU."""
    home = tmp_path_factory.mktemp("home")
    return ModelManager(Catalog([tiny_models]), Settings(home=home, device="cpu", threads=1))


@pytest.fixture(scope="session", params=["tiny", "tiny-v"])
def model(request: pytest.FixtureRequest, manager: ModelManager) -> Iterator[LatentDiffusion]:
    """Each of the tiny models in turn."""
    with manager.lease(request.param) as leased:
        yield leased


@pytest.fixture(scope="session")
def tiny_model(manager: ModelManager) -> Iterator[LatentDiffusion]:
    """The one that predicts noise."""
    with manager.lease("tiny") as leased:
        yield leased
