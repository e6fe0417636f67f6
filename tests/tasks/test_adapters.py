"""Adapters of the field and of the prompt come together; what is missing or does not fit is refused at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.builtin import load_all
from sdtoolbox.errors import Code, UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.tasks.resolve import resolve
from tests.models.files import VAE, lora, write
from tests.workers.fake_engine import write_checkpoint

REGISTRIES = load_all(Settings(safe_mode=True))[0]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    write_checkpoint(tmp_path)
    for name in ("ink", "robot", "old style"):
        write(tmp_path / "Lora" / f"{name}.safetensors", lora())
    write(tmp_path / "Lora" / "big.safetensors", lora(2048))
    write(tmp_path / "soft.safetensors", VAE)
    (tmp_path / "danger.pt").touch()
    return Catalog([tmp_path])


@pytest.fixture
def resolved(catalog: Catalog) -> Callable[..., Txt2Img]:
    return lambda **values: resolve(Txt2Img.parse({"checkpoint": "fake"} | values), REGISTRIES, catalog)


def shown(request: Txt2Img, catalog: Catalog) -> list[tuple[str, float, float | None]]:
    return [(catalog.get(one.adapter).name, one.weight, one.text_weight) for one in request.adapters]


def test_tags_leave_the_prompt_and_join_the_field(resolved: Callable[..., Txt2Img], catalog: Catalog) -> None:
    request = resolved(
        prompt="a house <lora:INK:0.5:0.8>, by day <lyco:old style>",
        negative_prompt="rain <lora:ink:1>",
        adapters=["robot:0.25"],
    )
    assert (request.prompt, request.negative_prompt) == ("a house , by day", "rain")
    assert shown(request, catalog) == [("robot", 0.25, 0.25), ("ink", 0.8, 0.5), ("old style", 1.0, 1.0)]
    assert resolve(request, REGISTRIES, catalog) == request


def test_the_last_of_two_counts(resolved: Callable[..., Txt2Img], catalog: Catalog) -> None:
    request = resolved(prompt="<lora:ink:0.2>", adapters=["ink:0.9", "robot", "ink:0.5"])
    assert shown(request, catalog) == [("robot", 1.0, 1.0), ("ink", 0.2, 0.2)]


def test_blocks_are_kept(resolved: Callable[..., Txt2Img]) -> None:
    (adapter,) = resolved(prompt="<lora:ink:1:lbw=down=1,up=0>").adapters
    assert adapter.blocks == "down=1,up=0"


def test_an_id_and_a_hash_name_it_too(resolved: Callable[..., Txt2Img], catalog: Catalog) -> None:
    entry = catalog.find("ink", "lora")
    digest = catalog.sha256(entry)
    for name in (entry.id, "ink.safetensors"):
        assert resolved(adapters=[{"adapter": name, "weight": 0.5}]).adapters == (
            Adapter(adapter=entry.id, weight=0.5, text_weight=0.5),
        )
    assert shown(resolved(adapters=[digest[:10]]), catalog)[0][1:] == (1.0, 1.0)


@pytest.mark.parametrize(
    ("values", "code", "field", "said"),
    [
        ({"prompt": "<lora:inc:1>"}, "MODEL_MISSING", "prompt", "there is no LoRA 'inc'. There are: "),
        ({"adapters": ["inc"]}, "MODEL_MISSING", "adapters", "there is no LoRA 'inc'."),
        ({"prompt": "<lora:../../etc/passwd:1>"}, "MODEL_MISSING", "prompt", "there is no LoRA '../../etc/passwd'."),
        (
            {"prompt": "<lora:big:1>"},
            "LORA_INCOMPATIBLE",
            "prompt",
            "this is an SDXL LoRA, the model is SD 1.5. Choose a LoRA for SD 1.5",
        ),
        ({"adapters": ["big"]}, "LORA_INCOMPATIBLE", "adapters", "big does not fit fake: this is an SDXL LoRA"),
        ({"adapters": ["soft"]}, "MODEL_TYPE", "adapters", "soft is a VAE, not a LoRA."),
        ({"adapters": ["danger"]}, "MODEL_UNSAFE", "adapters", "it is a pickle, which can run programs"),
        ({"prompt": "<lora:ink:strong>"}, "PARAM_INVALID", "prompt", "'strong' is not a weight from -10 to 10."),
        ({"prompt": "<lora:ink:1:te=x>"}, "PARAM_INVALID", "prompt", "<lora:ink:1:te=x> is not understood: 'x' is not"),
        ({"prompt": "<lora:ink:99>"}, "PARAM_INVALID", "prompt", "99.0 is not a weight"),
    ],
)
def test_refusals_name_the_place(
    resolved: Callable[..., Txt2Img], values: dict[str, Any], code: Code, field: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        resolved(**values)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert said in str(caught.value)
