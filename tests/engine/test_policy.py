"""Which policy is chosen for which machine: a table, as nobody has all these machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from sdtoolbox.engine.policy import SMALL, Machine, Placement, Policy, choose
from sdtoolbox.settings import Settings

GIB = 2**30
TINY = {"unet": SMALL - 3, "vae": 1, "text_encoder": 1}
SD1 = {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}
SDXL = {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840}


def chosen(machine: Machine, parameters: Mapping[str, int], **settings: Any) -> Policy:
    return choose(machine, parameters, Settings(home=Path("home"), **settings))


@pytest.mark.parametrize(
    ("gigabytes", "parameters", "placement"),
    [
        (24, SD1, "device"),
        (6, SD1, "device"),
        (4, SD1, "device"),
        (3.5, SD1, "model"),
        (2, SD1, "group"),
        (1, SD1, "sequential"),
        (24, SDXL, "device"),
        (12, SDXL, "device"),
        (8, SDXL, "model"),
        (6, SDXL, "group"),
        (3, SDXL, "sequential"),
    ],
)
def test_as_much_of_a_model_as_fits_lies_on_the_card(
    gigabytes: float, parameters: Mapping[str, int], placement: Placement
) -> None:
    policy = chosen(Machine(kind="cuda", memory=int(gigabytes * GIB)), parameters)
    assert policy.placement == placement
    assert policy.offloads == (placement != "device")


@pytest.mark.parametrize(
    ("machine", "precision", "attention"),
    [
        (Machine(kind="cpu", memory=GIB), torch.float32, "sdpa"),
        (Machine(kind="cpu", memory=GIB, fast_bfloat16=True), torch.bfloat16, "chunked"),
        (Machine(kind="cuda", memory=24 * GIB), torch.float16, "sdpa"),
        (Machine(kind="mps", memory=GIB), torch.float16, "sdpa"),
    ],
)
def test_large_networks_run_in_the_fast_type(machine: Machine, precision: torch.dtype, attention: str) -> None:
    policy = chosen(machine, SD1)
    assert (policy.precision, policy.attention) == (precision, attention)
    assert policy.channels_last == (precision != torch.float32)
    assert policy.storage is None


@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("settings", [{}, {"precision": "bf16", "fp8_storage": True}], ids=["auto", "wished"])
def test_small_networks_run_in_float32_whatever_is_wished(kind: str, settings: dict[str, Any]) -> None:
    policy = chosen(Machine(kind=kind, memory=24 * GIB, fast_bfloat16=True), TINY, **settings)
    assert (policy.precision, policy.storage, policy.attention) == (torch.float32, None, "sdpa")
    assert not policy.channels_last


def test_what_the_settings_say_wins() -> None:
    machine = Machine(kind="cuda", memory=24 * GIB)
    policy = chosen(machine, SD1, placement="sequential", precision="bf16", fp8_storage=True)
    assert (policy.placement, policy.precision, policy.storage) == ("sequential", torch.bfloat16, torch.float8_e4m3fn)
    assert chosen(Machine(kind="cpu", memory=GIB), SD1, precision="bf16").attention == "chunked"


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_where_there_is_one_memory_nothing_is_moved_about(kind: str) -> None:
    assert chosen(Machine(kind=kind, memory=1), SDXL).placement == "device"
    assert chosen(Machine(kind=kind, memory=1), SDXL, placement="group").placement == "device"


def test_8_bits_leave_room_that_offloading_would_have_cost() -> None:
    machine = Machine(kind="cuda", memory=3 * GIB)
    assert chosen(machine, SD1).placement == "group"
    assert chosen(machine, SD1, fp8_storage=True).placement == "device"


def test_a_policy_says_what_it_is() -> None:
    policy = chosen(Machine(kind="cuda", memory=6 * GIB), SDXL, fp8_storage=False)
    assert policy.described() == "one block of layers at a time on the device, float16, channels last, sdpa attention"
    stored = Policy(precision=torch.bfloat16, storage=torch.float8_e4m3fn, attention="chunked")
    assert stored.described() == "all weights on the device, bfloat16, stored as float8_e4m3fn, chunked attention"
