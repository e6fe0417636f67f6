from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdtoolbox.engine.reading import DTYPES, Source, TensorFiles
from sdtoolbox.errors import UserError

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
WHOLE = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stored", [*FLOATS, *WHOLE], ids=str)
@pytest.mark.parametrize("wanted", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_every_type_is_read_as_torch_casts_it(stored: torch.dtype, wanted: torch.dtype, tmp_path: Path) -> None:
    tensor = (random(6, 5) * 3).to(stored)
    save_file({"small": torch.ones(1), "weight": tensor}, tmp_path / "a.safetensors")
    with TensorFiles([tmp_path / "a.safetensors"]) as files:
        assert stored in DTYPES.values()
        assert torch.equal(files.read(Source("weight"), wanted), tensor.to(wanted))


def test_tensors_that_were_cast_keep_their_own_memory(tmp_path: Path) -> None:
    """They go through one buffer: none may be a view of it."""
    tensors = {name: random(4, 4).half() * k for k, name in enumerate("abc")}
    save_file(tensors, tmp_path / "a.safetensors")
    with TensorFiles([tmp_path / "a.safetensors"]) as files:
        read = {name: files.read(Source(name), torch.float32) for name in tensors}
    assert all(torch.equal(read[name], tensors[name].float()) for name in tensors)


@pytest.mark.parametrize("wanted", [torch.float32, torch.float16], ids=str)
def test_thirds_and_transposes(wanted: torch.dtype, tmp_path: Path) -> None:
    whole = random(6, 4)
    save_file({"qkv": whole}, tmp_path / "a.safetensors")
    with TensorFiles([tmp_path / "a.safetensors"]) as files:
        for third in range(3):
            source = Source("qkv", third)
            assert files.shape(source) == (2, 4)
            assert torch.equal(files.read(source, wanted), whole[2 * third : 2 * third + 2].to(wanted))
        turned = Source("qkv", transposed=True)
        assert files.shape(turned) == (4, 6)
        assert torch.equal(files.read(turned, wanted), whole.t().to(wanted))
        assert files.read(turned, wanted).is_contiguous()


def test_several_files_are_one(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "1.safetensors", {"from": "one"})
    save_file({"b": torch.zeros(3), "empty": torch.zeros(0, 4)}, tmp_path / "2.safetensors")
    with TensorFiles([tmp_path / "1.safetensors", tmp_path / "2.safetensors"]) as files:
        assert sorted(files) == ["a", "b", "empty"]
        assert files.metadata == {"from": "one"}
        assert files.read(Source("b"), torch.float16).shape == (3,)
        assert files.read(Source("empty"), torch.float16).shape == (0, 4)
        assert "c" not in files


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells what is open")
def test_no_file_stays_open(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "1.safetensors")
    with TensorFiles([tmp_path / "1.safetensors"]) as files:
        files.read(Source("a"), torch.float32)
        assert _open(tmp_path)
    assert not _open(tmp_path)


def _open(folder: Path) -> list[str]:
    links = (link for link in Path("/proc/self/fd").iterdir() if link.exists())
    return [str(link) for link in links if str(link.resolve()).startswith(str(folder))]


def test_a_file_that_became_shorter_is_corrupt(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    save_file({"a": torch.ones(1000)}, file)
    with TensorFiles([file]) as files:
        file.write_bytes(file.read_bytes()[:-4])
        with pytest.raises(UserError, match=r"a\.safetensors was cut short while it was read") as caught:
            files.read(Source("a"), torch.float32)
    assert caught.value.code == "MODEL_CORRUPT"
