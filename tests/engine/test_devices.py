from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sdtoolbox.engine import devices
from sdtoolbox.engine.devices import Device, fast_bfloat16, open_device
from sdtoolbox.engine.policy import SMALL
from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Leaves torch's threads, and what was found out about the processor, as they were."""
    before = torch.get_num_threads()
    fast_bfloat16.cache_clear()
    yield
    fast_bfloat16.cache_clear()
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


@pytest.mark.parametrize(
    ("library", "avx512", "amx", "faster", "expected"),
    [
        (True, True, False, True, True),
        (True, False, True, True, True),
        (True, False, False, True, False),  # AVX512 alone: the library would emulate it
        (False, True, True, True, False),
        (True, True, True, False, False),
    ],
)
def test_bfloat16_needs_instructions_and_a_trial(
    library: bool, avx512: bool, amx: bool, faster: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_library_has_bfloat16", lambda: library)
    monkeypatch.setattr(devices.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    times = {torch.float32: 2.0, torch.bfloat16: 1.0 if faster else 3.0}
    monkeypatch.setattr(devices, "_seconds", times.__getitem__)
    assert fast_bfloat16() == expected


def test_a_machine_without_the_instructions_is_not_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_library_has_bfloat16", lambda: False)
    monkeypatch.setattr(devices, "_seconds", lambda dtype: pytest.fail("twenty times slower"))
    assert not fast_bfloat16()


def test_the_trial_is_short() -> None:
    assert 0 < devices._seconds(torch.float32) < 1


def test_the_machine_is_what_the_settings_leave_of_it(tmp_path: Path) -> None:
    device = Device(torch.device("cpu"), 1, "")
    assert device.machine(Settings(home=tmp_path, model_memory_gb=2)).memory == 2 * 2**30
    assert device.machine(Settings(home=tmp_path)).memory > 2**28
    assert device.machine(Settings(home=tmp_path)).kind == "cpu"


def test_the_device_has_a_name_for_lists(tmp_path: Path) -> None:
    assert open_device(Settings(home=tmp_path, device="cpu")).name == "cpu"
