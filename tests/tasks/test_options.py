"""Options are those of the sampler and the schedule that were chosen, within their bounds; and they act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.resolve import resolve
from tests.fakes import builtin_registries
from tests.tasks.test_txt2img import draw, pixels
from tests.workers.fake_engine import write_checkpoint


def resolved(folder: Path, **values: Any) -> Txt2Img:
    write_checkpoint(folder)
    return resolve(Txt2Img.parse({"checkpoint": "fake"} | values), builtin_registries(), Catalog([folder]))


def test_options_are_kept_in_their_own_type(tmp_path: Path) -> None:
    request = resolved(
        tmp_path, sampler="Euler a", sampler_options={"eta": 1}, schedule="Karras", schedule_options={"rho": 5}
    )
    assert request.sampler_options == {"eta": 1.0}
    assert isinstance(request.sampler_options["eta"], float)
    assert request.schedule_options == {"rho": 5.0}


@pytest.mark.parametrize(
    ("values", "field", "message", "hint"),
    [
        (
            {"sampler": "Euler a", "sampler_options": {"s_churn": 1}},
            "sampler_options",
            "sampler Euler a has no option 's_churn'.",
            "Its options are: eta, s_noise.",
        ),
        ({"sampler": "PLMS", "sampler_options": {"eta": 1}}, "sampler_options", "PLMS has no option", "It has none."),
        (
            {"sampler": "ddim", "sampler_options": {"eta": 2}},
            "sampler_options",
            "option eta of sampler DDIM cannot be 2.",
            "Allowed is a number from 0 to 1.",
        ),
        (
            {"schedule": "karras", "schedule_options": {"alpha": 2}},
            "schedule_options",
            "schedule Karras has no option 'alpha'.",
            "Its options are: rho, sigma_min, sigma_max.",
        ),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(
    tmp_path: Path, values: dict[str, Any], field: str, message: str, hint: str
) -> None:
    with pytest.raises(UserError) as caught:
        resolved(tmp_path, **values)
    assert caught.value.field == field
    assert message in caught.value.message
    assert caught.value.hint == hint


def test_options_reach_the_sampler_and_the_schedule() -> None:
    (plain,), _, _ = draw(sampler="euler")
    (still,), _, _ = draw(sampler="euler_ancestral", sampler_options={"eta": 0.0})
    (noisy,), _, _ = draw(sampler="euler_ancestral")
    (other,), _, _ = draw(sampler="euler", schedule_options={"rho": 2.0})
    assert abs(pixels(still) - pixels(plain)).max() <= 1
    assert abs(pixels(noisy) - pixels(plain)).max() > 10
    assert abs(pixels(other) - pixels(plain)).max() > 2
