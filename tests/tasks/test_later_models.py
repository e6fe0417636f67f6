"""Checkpoints of later passes are found by any of their names, and can go on with what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.fit import share_latents
from sdtoolbox.schema.fields import LARGEST_SEED
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.later_models import resolve_later_models
from sdtoolbox.tasks.resolve import resolve
from tests.fakes import builtin_registries
from tests.workers.fake_engine import write_checkpoint


def entry(base: str) -> CatalogEntry:
    return CatalogEntry(id=f"id-{base}", name=base, kind="checkpoint", base=base, state="ready", path=Path(base))


class Shelf:
    """A catalog with one checkpoint of each base."""

    def find(self, name: str, field: str | None = None) -> CatalogEntry:
        if name == "gone":
            raise UserError("MODEL_MISSING", "there is no checkpoint 'gone'.", "", field)
        return entry(name)


def resolved(base: str, **values: Any) -> tuple[dict[str, Any], list[UserError]]:
    request = Txt2Img.parse(values)
    found, problems = request.model_dump(), list[UserError]()
    shelf: Any = Shelf()
    resolve_later_models(request, found, entry(base), shelf, builtin_registries(), problems)
    return found, problems


def test_names_become_ids() -> None:
    found, problems = resolved("sdxl", hires=True, hires_checkpoint="sdxl", refiner="sdxl_refiner")
    assert (found["hires_checkpoint"], found["refiner"], problems) == ("id-sdxl", "id-sdxl_refiner", [])


def test_what_is_off_is_not_looked_for() -> None:
    found, problems = resolved("sd1", hires_checkpoint="gone")
    assert (found["hires_checkpoint"], problems) == ("gone", [])


def test_what_is_gone_is_named_at_its_field() -> None:
    _, problems = resolved("sd1", hires=True, hires_checkpoint="gone", refiner="gone")
    assert [(one.code, one.field) for one in problems] == [
        ("MODEL_MISSING", "hires_checkpoint"),
        ("MODEL_MISSING", "refiner"),
    ]


def test_other_latents_cannot_be_gone_on_with_but_pictures_can() -> None:
    _, (problem,) = resolved("sd1", hires=True, hires_checkpoint="sdxl", hires_upscaler="latent")
    assert (problem.code, problem.field) == ("MODEL_TYPE", "hires_checkpoint")
    assert "Lanczos" in problem.hint
    _, problems = resolved("sd1", hires=True, hires_checkpoint="sdxl", hires_upscaler="Lanczos", refiner="sdxl_refiner")
    assert problems == []
    _, (problem,) = resolved("sd1", refiner="sdxl_refiner")
    assert (problem.field, "Lanczos" in problem.hint) == ("refiner", False)


@pytest.mark.parametrize(
    ("base", "other", "shared"),
    [("sd1", "sd1", True), ("sd1", "sd2", True), ("sdxl", "sdxl_refiner", True), ("sd1", "sdxl", False)],
)
def test_which_bases_share_latents(base: str, other: str, shared: bool) -> None:
    assert share_latents(base, other) is share_latents(other, base) is shared
    assert share_latents(base, "unknown")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    write_checkpoint(tmp_path)
    return Catalog([tmp_path])


def whole(catalog: Catalog, **values: Any) -> Txt2Img:
    return resolve(Txt2Img.parse({"checkpoint": "fake"} | values), builtin_registries(), catalog)


def test_a_request_with_everything_resolves_and_stays(catalog: Catalog) -> None:
    request = whole(
        catalog, hires=True, hires_upscaler="Lanczos", hires_sampler="Euler a", hires_checkpoint="fake", refiner="fake"
    )
    assert (request.hires_upscaler, request.hires_sampler) == ("lanczos", "euler_ancestral")
    assert request.refiner == request.hires_checkpoint == request.checkpoint
    assert resolve(request, builtin_registries(), catalog) == request


def test_a_second_drawing_that_is_too_large_is_refused_before_any_work(catalog: Catalog) -> None:
    with pytest.raises(UserError, match="hires fix would draw") as caught:
        whole(catalog, hires=True, width=4096, hires_scale=4)
    assert caught.value.field == "hires_scale"
    whole(catalog, width=4096, hires_scale=4)


def test_a_variation_seed_is_drawn_where_it_counts_and_leaves_room(catalog: Catalog) -> None:
    assert whole(catalog).variation_seed == -1
    assert whole(catalog, variation_strength=0.2).variation_seed >= 0
    whole(catalog, variation_strength=0.2, seed=LARGEST_SEED, batch_size=4)  # the seed stays
    with pytest.raises(UserError, match=r"variation seed \d+ leaves no room for 4 pictures") as caught:
        whole(catalog, variation_strength=0.2, variation_seed=LARGEST_SEED, batch_size=4)
    assert caught.value.field == "variation_seed"
