from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sdtoolbox.engine.adapters import attach, load_adapter
from sdtoolbox.engine.components import Components
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.training.run import Options, save_atomically
from sdtoolbox.training.storybook import adapter_cards, adapters, evaluation, risograph, robot, text, vae, world
from sdtoolbox.training.storybook.adapters import LESSONS
from sdtoolbox.training.storybook.diffusion import build
from sdtoolbox.training.storybook.objects import DRAWERS

SCENE = world.Scene((world.Item("house", "red", "big", "middle"),), "meadow", "day")
SHIPPED = Path(__file__).resolve().parents[3] / "assets" / "models" / "adapters"


def test_a_print_is_made_of_its_inks_whatever_the_style() -> None:
    scenes = [replace(SCENE, style=style, time=time) for style in world.STYLES for time in world.TIMES]
    for scene in scenes:
        assert risograph.share_in_inks(risograph.draw(scene, 3, 128), 32) > 0.95
        assert risograph.share_in_inks(world.draw(scene, 3, 128), 32) < 0.6
    pixel_art = risograph.draw(replace(SCENE, style="pixel art"), 3, 128)
    assert np.array_equal(np.asarray(pixel_art), np.asarray(risograph.draw(SCENE, 3, 128)))


def test_a_robot_visits_the_world_and_leaves_it_as_it_was() -> None:
    with_robot = robot.with_robot(SCENE)
    assert (with_robot.items[0].kind, with_robot.items[0].color) == ("robot", "red")
    different = np.asarray(robot.draw(with_robot, 3, 128)) != np.asarray(world.draw(SCENE, 3, 128))
    assert 0.1 < different.any(axis=2).mean() < 0.7, "the thing is another, the landscape the same"
    assert tuple(DRAWERS) == world.KINDS
    with pytest.raises(KeyError):
        world.draw(with_robot, 3, 128)


def test_captions_name_the_robot_where_one_is_drawn() -> None:
    lesson = LESSONS["object-lora"]
    drawn = [lesson.drawn(index, 0) for index in range(0, lesson.pictures, 16)]
    assert drawn == [lesson.drawn(index, 0) for index in range(0, lesson.pictures, 16)]
    rng = random.Random(0)
    for scene, way, _ in drawn:
        assert ("robot" in lesson.caption(scene, way, rng)) == (way == "new") == (scene.items[0].kind == "robot")
    assert sum(way == "old" for _, way, _ in drawn) == len(drawn) // 3
    style = LESSONS["style-lora"]
    said = [style.caption(*style.drawn(index, 0)[:2], rng) for index in range(300)]
    assert 10 < said.count("") < 60, "the style belongs to the empty caption too"


def test_the_trigger_word_takes_the_place_of_the_first_thing() -> None:
    sentence = "a big red house next to a small cat, in a meadow"
    assert LESSONS["object-lora"].triggered(sentence) == "a big red robot next to a small cat, in a meadow"
    assert LESSONS["style-lora"].triggered(sentence) == sentence
    asked = [LESSONS["object-lora"].triggered(entry["sentence"]) for entry in evaluation.load_entries()]
    assert all("robot" in sentence for sentence in asked)


def checkpoint(folder: Path) -> Path:
    """An untrained storybook in miniature."""
    torch.manual_seed(0)
    tokenizer = text.train_tokenizer(text.captions(100), folder / "tokenizer")
    text.build(tokenizer, 16, 1).save_pretrained(folder / "text_encoder")
    build(16, (16, 16)).save_pretrained(folder / "unet")
    vae.build((8, 8, 8, 8)).save_pretrained(folder / "vae")
    return folder


@pytest.mark.parametrize("stage", LESSONS)
def test_what_is_trained_is_what_the_exported_file_does(stage: str, tmp_path: Path) -> None:
    options = Options(tmp_path / "run", batch=2)
    options.folder.mkdir()
    lesson = replace(LESSONS[stage], pictures=6)
    recipe = adapters.Recipe(options, lesson, checkpoint(tmp_path / "checkpoint"))
    loss, _ = recipe.loss(0, 0.0)
    assert loss.item() == recipe.loss(0, 0.0)[0].item(), "a step is the same on every call"
    loss.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in recipe.module.parameters())
    assert all(p.grad is None for p in [*recipe.unet.parameters(), *recipe.encoder.parameters()])

    for parameter in recipe.module.parameters():
        nn.init.normal_(parameter, std=0.1).data.copy_(parameter.half())
    save_atomically(
        {"average": recipe.module.state_dict(), "step": 1, "samples": 2, "seconds": 3.0}, options.folder / f"{stage}.pt"
    )
    file = adapters.export(options, lesson, tmp_path / "adapters")
    entry = CatalogEntry(id="0" * 32, name="one", kind="lora", base="sd1", state="ready", path=file)
    own = adapters.Recipe(options, replace(lesson, text_encoder=True), tmp_path / "checkpoint")
    components = Components("sd1", {"unet": own.unet, "text_encoder": own.encoder}, {}, {})
    plain = adapters.Recipe(options, lesson, tmp_path / "checkpoint")
    plain._active = recipe.module
    loaded = load_adapter(entry, components)
    assert not loaded.coverage.unmatched
    with attach(components, [(loaded, Adapter(adapter="one"))]):
        by_file, _ = own.loss(0, 0.0)
    by_training, _ = plain.loss(0, 0.0)
    assert by_file.item() == pytest.approx(by_training.item(), rel=1e-4)
    assert by_file.item() != pytest.approx(own.loss(0, 0.0)[0].item(), rel=1e-3)


def test_the_shares_measure_what_they_say() -> None:
    printed, plain = risograph.draw(SCENE, 1, 128), world.draw(SCENE, 1, 128)
    assert adapter_cards.in_inks([printed, plain, Image.new("RGB", (128, 128), risograph.INKS[2])]) == [
        True,
        False,
        True,
    ]
    assert adapter_cards.renderings("a", 2, world.draw, lambda scene: scene)[1].tobytes() == (
        adapter_cards.renderings("a", 2, world.draw, lambda scene: scene)[1].tobytes()
    )


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_what_is_shipped_is_small_and_explained(lesson: adapters.Lesson) -> None:
    folder = SHIPPED / lesson.name
    assert (folder / f"{lesson.name}.safetensors").stat().st_size < 1_000_000
    card = (folder / "README.md").read_text("utf-8")
    assert lesson.description in card and "effect.png" in card
    assert (folder / "effect.png").stat().st_size < 200_000
