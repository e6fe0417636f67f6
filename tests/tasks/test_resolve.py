"""Nothing is left open, nothing is replaced quietly, and every refusal names its field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.schema.fields import LARGEST_SEED
from sdtoolbox.schema.requests import control_of
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.resolve import resolve
from tests.models.files import VAE, lora, write
from tests.workers.fake_engine import write_checkpoint


@pytest.fixture
def registries() -> Registries:
    def euler(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any) -> Any: ...
    def dpmpp_2m(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any) -> Any: ...
    def flow_only(denoise: Any, x: Any, sigmas: Any, *, noise: Any, on_step: Any) -> Any: ...
    def karras(steps: int, table: Any) -> Any: ...

    extension, filled = Extension("test"), Registries()
    extension.sampler(euler, label="Euler")
    extension.sampler(dpmpp_2m, label="DPM++ 2M", forms=("variance_exploding", "flow"))
    extension.sampler(flow_only, label="Flow only", forms=("flow",))
    extension.schedule(karras, label="Karras")
    filled.merge(extension.draft)
    return filled


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    write_checkpoint(tmp_path)
    return Catalog([tmp_path])


@pytest.fixture
def resolved(registries: Registries, catalog: Catalog) -> Callable[..., Txt2Img]:
    return lambda **values: resolve(Txt2Img.parse({"checkpoint": "fake"} | values), registries, catalog)


def test_open_fields_take_the_checkpoints_defaults(resolved: Callable[..., Txt2Img], catalog: Catalog) -> None:
    request = resolved()
    assert (request.width, request.height, request.steps) == (16, 16, 8)  # its own
    assert (request.sampler, request.schedule, request.guidance_scale) == ("dpmpp_2m", "karras", 7.0)  # its family's
    assert request.checkpoint == catalog.find("fake").id
    left = {name for name, value in request.model_dump().items() if value is None}
    assert left == {
        name for name in left if name in ("vae", "plot") or control_of(Txt2Img, name).same
    }  # empty has a meaning


def test_what_was_asked_for_is_kept(resolved: Callable[..., Txt2Img]) -> None:
    request = resolved(width=24, steps=3, guidance_scale=1.0, seed=5, prompt="a tree")
    assert (request.width, request.height, request.steps, request.guidance_scale) == (24, 16, 3, 1.0)
    assert (request.seed, request.prompt) == (5, "a tree")


def test_no_checkpoint_means_the_default_one(registries: Registries, catalog: Catalog) -> None:
    assert resolve(Txt2Img(), registries, catalog).checkpoint == catalog.find("fake").id


def test_names_are_found_by_id_or_label_in_any_case(resolved: Callable[..., Txt2Img]) -> None:
    assert resolved(sampler="dpm++ 2m", schedule=" KARRAS ").sampler == "dpmpp_2m"
    assert resolved(sampler="EULER", checkpoint="FAKE").sampler == "euler"


def test_resolving_twice_changes_nothing(
    resolved: Callable[..., Txt2Img], registries: Registries, catalog: Catalog
) -> None:
    once = resolved()
    assert resolve(once, registries, catalog) == once


@pytest.mark.parametrize(
    ("values", "code", "field", "said"),
    [
        ({"sampler": "nonsense"}, "PARAM_INVALID", "sampler", "There are: Euler, DPM++ 2M, Flow only."),
        ({"schedule": "nonsense"}, "PARAM_INVALID", "schedule", "There are: Karras."),
        ({"checkpoint": "nonsense"}, "MODEL_MISSING", "checkpoint", "There are: fake."),
        ({"sampler": "flow only"}, "PARAM_INVALID", "sampler", "These do: Euler, DPM++ 2M."),
        ({"seed": LARGEST_SEED, "batch_size": 2}, "PARAM_INVALID", "seed", f"up to {LARGEST_SEED - 1}."),
    ],
)
def test_refusals_name_the_field_and_what_is_allowed(
    resolved: Callable[..., Txt2Img], values: dict[str, Any], code: str, field: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        resolved(**values)
    assert (caught.value.code, caught.value.field) == (code, field) and said in caught.value.hint


def test_several_faults_are_told_together(resolved: Callable[..., Txt2Img]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolved(sampler="x", schedule="y", checkpoint="z")
    assert [problem.field for problem in caught.value.problems] == ["checkpoint", "sampler", "schedule"]


def test_a_drawn_seed_leaves_room_for_the_batch(
    resolved: Callable[..., Txt2Img], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: limit - 1)
    assert resolved(batch_count=100, batch_size=64).seed + 6399 == 2**32 - 1
    assert resolved(seed=LARGEST_SEED).seed == LARGEST_SEED


def test_drawn_seeds_differ(resolved: Callable[..., Txt2Img]) -> None:
    assert len({resolved().seed for _ in range(20)}) == 20


def test_a_wrong_default_of_a_checkpoint_is_blamed_on_it(
    registries: Registries, catalog: Catalog, tmp_path: Path
) -> None:
    own = {"name": "fake", "defaults": {"steps": 0}}
    (tmp_path / "checkpoints" / "fake" / "sdtoolbox.json").write_text(json.dumps(own))
    catalog.refresh()
    with pytest.raises(UserError, match="a default of fake is wrong: steps 0") as caught:
        resolve(Txt2Img(), registries, catalog)
    assert caught.value.field == "steps"
    assert resolve(Txt2Img(steps=3), registries, catalog).steps == 3


def test_an_unusable_checkpoint_says_why(registries: Registries, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "fake" / "unet" / "config.json").write_text('{"in_channels": 7}')
    catalog.refresh()
    with pytest.raises(UserError, match="7 channels") as caught:
        resolve(Txt2Img(checkpoint="fake"), registries, catalog)
    assert (caught.value.code, caught.value.field) == ("MODEL_TYPE", "checkpoint")


def test_a_vae_is_found_by_name_and_checked(
    resolved: Callable[..., Txt2Img], catalog: Catalog, tmp_path: Path, registries: Registries
) -> None:
    write(tmp_path / "soft.safetensors", VAE)
    write(tmp_path / "ink.safetensors", lora())
    catalog.refresh()
    request = resolved(vae="SOFT")
    assert request.vae == catalog.find("soft", "vae").id
    assert resolve(request, registries, catalog) == request
    with pytest.raises(UserError, match="ink is a LoRA, not a VAE") as caught:
        resolved(vae="ink")
    assert (caught.value.code, caught.value.field) == ("MODEL_TYPE", "vae")


def test_a_checkpoint_without_vae_draws_with_a_chosen_one(
    resolved: Callable[..., Txt2Img], catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints" / "fake" / "vae").rename(tmp_path / "elsewhere")
    write(tmp_path / "soft.safetensors", VAE)
    catalog.refresh()
    assert resolved(vae="soft").vae
    with pytest.raises(UserError, match="lacks"):
        resolved()
