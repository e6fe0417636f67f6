"""What the pickers of restorers offer, and what each needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.restorer_shelf import RestorerShelf
from tests.onnx_files import write_yunet
from tests.tiny_upscalers import write_upscaler


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    (home / "models" / "restorers").mkdir(parents=True)
    (home / "models" / "restorers" / "broken.safetensors").write_bytes(b"x")
    with Toolbox.open(Settings(home=home, safe_mode=True)) as opened:
        yield opened


def offered(toolbox: Toolbox, *, enlarging: bool, language: str = "en", **asked: Any) -> dict[str, dict[str, Any]]:
    find, _ = RestorerShelf(toolbox, Texts(language), asdict, enlarging=enlarging).functions()
    return {option["label"]: option for option in find(asked)["options"]}


def test_registered_ones_come_first_then_networks_and_what_changes_the_size_last(toolbox: Toolbox) -> None:
    found = offered(toolbox, enlarging=False)
    names = list(found)
    assert names[0] == "Non-local means"
    assert names.index("Sharpen") < names.index("Denoiser") < names.index("Enlarger ×2")
    assert found["Enlarger ×2"]["base"] == "×2 · compact"
    assert found["Non-local means"]["remark"].startswith("Averages places")
    assert "Lanczos" not in found


def test_only_what_enlarges_is_offered_where_that_is_asked_for(toolbox: Toolbox) -> None:
    found = offered(toolbox, enlarging=True)
    assert next(iter(found)) == "Lanczos"
    assert "Enlarger ×2" in found
    assert not {"Denoiser", "JPEG cleaner", "Sharpen", "Latent"} & set(found)


def test_a_control_knows_who_takes_a_strength_and_which_options_there_are(toolbox: Toolbox) -> None:
    found = offered(toolbox, enlarging=False)
    assert found["Denoiser"]["takes_noise"]
    assert found["Wavelet"]["takes_noise"]
    assert not found["JPEG cleaner"]["takes_noise"]
    assert not found["Sharpen"]["takes_noise"]
    assert [option["name"] for option in found["Sharpen"]["options"]] == ["amount", "radius", "threshold"]
    assert found["Denoiser"]["options"] == []


def test_checkpoints_stand_last_and_say_that_they_invent(toolbox: Toolbox) -> None:
    found = offered(toolbox, enlarging=False)
    checkpoint = found["storybook"]
    assert list(found).index("storybook") > list(found).index("Enlarger ×2")
    assert "invented" in checkpoint["remark"]
    assert {"steps", "prompt"} <= {option["name"] for option in checkpoint["options"]}
    assert offered(toolbox, enlarging=True)["storybook"]["options"] == []
    find, _ = RestorerShelf(toolbox, Texts("en"), asdict, enlarging=True, priors=False).functions()
    assert "storybook" not in [option["name"] for option in find({})["options"]]


def test_upscalers_that_draw_are_networks_that_invent_and_as_stages_take_options(toolbox: Toolbox) -> None:
    write_upscaler(toolbox.settings.home / "models" / "four", "sd_upscaler")
    toolbox.catalog.refresh()
    as_upscaler, as_stage = (offered(toolbox, enlarging=enlarging)["four"] for enlarging in (True, False))
    assert as_upscaler["base"] == "×4 · sd_upscaler" and not as_upscaler["refused"] and as_upscaler["options"] == []
    assert "invented" in as_upscaler["remark"] and not as_stage["takes_noise"]
    options = {option["name"] for option in as_stage["options"]}
    assert options == {"steps", "guidance", "prompt", "seed", "noise_level"}
    assert {f"option.{name}" for name in options} <= set(Texts("en").all)


def test_networks_for_faces_are_stages_that_say_what_they_do(toolbox: Toolbox) -> None:
    names = ("toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight", "conv_body_first.weight")
    save_file(dict.fromkeys(names, np.zeros(1, np.float32)), toolbox.settings.home / "models" / "GFPGAN.safetensors")
    write_yunet(toolbox.settings.home / "models" / "face_detection_yunet.onnx", [])
    toolbox.catalog.refresh()
    found = offered(toolbox, enlarging=False)
    assert found["GFPGAN"]["remark"].startswith("Restores faces") and not found["GFPGAN"]["refused"]
    assert not found["GFPGAN"]["takes_noise"] and found["GFPGAN"]["options"] == []
    assert "face_detection_yunet" not in found and "GFPGAN" not in offered(toolbox, enlarging=True)


def test_words_find_and_a_language_names(toolbox: Toolbox) -> None:
    assert set(offered(toolbox, enlarging=False, text="total")) == {"Total variation"}
    assert "Denoiser" in offered(toolbox, enlarging=False, text="denoiser")
    assert "降噪网络" in offered(toolbox, enlarging=False, language="zh-CN")


def test_what_is_named_by_id_label_or_name_is_known_and_what_is_gone_is_not(toolbox: Toolbox) -> None:
    _, look = RestorerShelf(toolbox, Texts("en"), asdict, enlarging=False).functions()
    answer = look({"ids": ["wavelet", "Total variation", "sdtoolbox-denoiser", "gone"]})
    assert answer["Total variation"]["id"] == "total_variation"
    assert answer["sdtoolbox-denoiser"]["label"] == "Denoiser"
    assert answer["gone"] is None
    assert look({"ids": "nonsense"}) == {}


def test_the_names_in_english_are_the_registered_ones(toolbox: Toolbox) -> None:
    texts = Texts("en").all
    for entry in toolbox.registries.restorers:
        assert texts[f"choice.restorers.{entry.id}"] == entry.label
        assert texts[f"choice.restorers.{entry.id}.help"] == entry.value.help
        assert {f"option.{name}" for name in entry.value.options} <= set(texts)
