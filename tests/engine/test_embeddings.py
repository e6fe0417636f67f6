from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdtoolbox.engine.embeddings import load_embedding
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry

VECTORS = torch.arange(48.0).reshape(2, 24)


def write(folder: Path, tensors: dict[str, Tensor]) -> CatalogEntry:
    save_file(tensors, folder / "word.safetensors")
    return CatalogEntry(
        id="0" * 32, name="word", kind="embedding", base="sd1", state="ready", path=folder / "word.safetensors"
    )


@pytest.mark.parametrize("name", ["emb_params", "string_to_param.*", "string_to_param", "<my-word>", "*"])
def test_every_layout_with_one_encoder(name: str, tmp_path: Path) -> None:
    found = load_embedding(write(tmp_path, {name: VECTORS.half()}))
    assert list(found) == ["text_encoder"]
    assert found["text_encoder"].dtype == torch.float32
    assert torch.equal(found["text_encoder"], VECTORS)


def test_a1111_files_may_hold_other_tensors(tmp_path: Path) -> None:
    tensors = {"string_to_token.*": torch.tensor([265]), "string_to_param.*": VECTORS}
    assert torch.equal(load_embedding(write(tmp_path, tensors))["text_encoder"], VECTORS)


def test_one_vector_may_be_a_line(tmp_path: Path) -> None:
    assert load_embedding(write(tmp_path, {"<word>": VECTORS[0]}))["text_encoder"].shape == (1, 24)


@pytest.mark.parametrize("names", [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")])
def test_two_encoders(names: tuple[str, str], tmp_path: Path) -> None:
    both = load_embedding(write(tmp_path, {names[0]: VECTORS, names[1]: torch.ones(2, 40)}))
    assert {part: tuple(tensor.shape) for part, tensor in both.items()} == {
        "text_encoder": (2, 24),
        "text_encoder_2": (2, 40),
    }


@pytest.mark.parametrize(
    "tensors",
    [
        {"emb_params": torch.ones(1, 2, 24)},
        {"emb_params": torch.ones(0, 24)},
        {"emb_params": torch.full((1, 24), torch.nan)},
        {"emb_params": torch.ones(2000, 24)},
        {"clip_l": VECTORS, "clip_g": torch.ones(3, 40)},
        {"one": VECTORS.clone(), "another": VECTORS.clone()},
    ],
)
def test_anything_else_is_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        load_embedding(write(tmp_path, tensors))
    assert refused.value.code == "MODEL_CORRUPT"
