from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sdtoolbox.engine.devices import SMALL, Device, open_device
from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Leaves torch's threads as they were."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_are_set_and_recorded(tmp_path: Path) -> None:
    assert open_device(Settings(home=tmp_path, device="cpu", threads=2)).threads == 2
    assert torch.get_num_threads() == 2
    assert open_device(Settings(home=tmp_path, device="cpu")).threads == 2, "0 leaves torch's own number"


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'cuda:99'") as caught:
        open_device(Settings(home=tmp_path, device="cuda:99"))
    assert "cpu" in caught.value.hint


def test_small_networks_run_in_float32_everywhere() -> None:
    for kind in ("cpu", "cuda", "mps"):
        assert Device(torch.device(kind), 1, "").precision(SMALL - 1) == torch.float32
    assert Device(torch.device("cuda"), 1, "").precision(SMALL) == torch.float16
    assert Device(torch.device("cpu"), 1, "").precision(SMALL) in (torch.float32, torch.bfloat16)


def test_the_device_has_a_name_for_lists(tmp_path: Path) -> None:
    assert open_device(Settings(home=tmp_path, device="cpu")).name == "cpu"
