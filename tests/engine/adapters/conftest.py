"""A checkpoint in miniature, and a way to load adapters for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from torch import Tensor

from sdtoolbox.engine.adapters import LoadedAdapter, load_adapter
from sdtoolbox.engine.components import Components
from tests.engine.adapters.miniature import Load, build_components, write


@pytest.fixture
def components() -> Components:
    """A UNet with 24 features of text, and a CLIP text encoder."""
    return build_components()


@pytest.fixture
def load(components: Components, tmp_path: Path) -> Load:
    """Write tensors into a file and load it as an adapter."""

    def write_and_load(tensors: Mapping[str, Tensor]) -> LoadedAdapter:
        return load_adapter(write(tmp_path / "one.safetensors", tensors), components)

    return write_and_load
