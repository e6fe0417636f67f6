"""What goes together, and the sentences for what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdtoolbox.models.entries import BASES, CatalogEntry, Kind
from sdtoolbox.models.families import FAMILY_DEFAULTS, family_defaults, missing_parts
from sdtoolbox.models.fit import KIND_WORDS, misfit
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.resolve import FORM_OF_BASE


def entry(kind: Kind, base: str, algorithm: str = "") -> CatalogEntry:
    return CatalogEntry(id="0" * 32, name="x", kind=kind, base=base, state="ready", path=Path("x"), algorithm=algorithm)


@pytest.mark.parametrize(
    ("adapter", "base", "said"),
    [
        (entry("lora", "sdxl", "lora"), "sd1", "this is an SDXL LoRA, the model is SD 1.5"),
        (entry("lora", "sd1", "dora"), "sdxl", "this is an SD 1.5 DoRA, the model is SDXL"),
        (entry("lora", "flux1", "lora"), "sd2", "this is a Flux.1 LoRA, the model is SD 2.x"),
        (entry("vae", "flux1"), "sd1", "this is a Flux.1 VAE, the model is SD 1.5"),
        (entry("vae", "sdxl"), "sd1", "this is an SDXL VAE, the model is SD 1.5"),
        (entry("vae", "sd2"), "sdxl_refiner", "this is an SD 2.x VAE, the model is SDXL refiner"),
        (entry("lora", "sdxl", "lora"), "sdxl_refiner", "this is an SDXL LoRA, the model is SDXL refiner"),
    ],
)
def test_what_does_not_fit_says_so(adapter: CatalogEntry, base: str, said: str) -> None:
    assert misfit(adapter, entry("checkpoint", base)) == said
    assert misfit(adapter, entry("checkpoint", adapter.base)) == ""
    assert misfit(adapter, entry("checkpoint", "unknown")) == ""


def test_vaes_go_with_what_was_trained_on_their_latents() -> None:
    for one, other in (("sd1", "sd2"), ("sdxl", "sdxl_refiner"), ("unknown", "sd1")):
        assert misfit(entry("vae", one), entry("checkpoint", other)) == ""
        assert misfit(entry("vae", other), entry("checkpoint", one)) == ""


def test_every_family_that_draws_has_defaults_that_a_request_takes_and_a_form() -> None:
    assert set(FAMILY_DEFAULTS) == set(FORM_OF_BASE)
    for base, defaults in FAMILY_DEFAULTS.items():
        assert base in BASES
        assert Txt2Img.parse(defaults).width == defaults["width"]
    assert family_defaults("sd2", "v_prediction")["height"] == 768
    assert family_defaults("sd2", "epsilon")["height"] == 512


def test_missing_parts() -> None:
    assert missing_parts(replace(entry("checkpoint", "sdxl"), parts=("unet", "text_encoder"))) == (
        "vae",
        "text_encoder_2",
    )


def test_every_kind_has_a_word() -> None:
    from sdtoolbox.models.entries import KINDS

    assert set(KIND_WORDS) == set(KINDS)
