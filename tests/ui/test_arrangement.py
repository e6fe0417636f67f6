"""Where fields stand: the order of groups, and what a picture folds away."""

from __future__ import annotations

from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.inpaint import Erase, Inpaint
from sdtoolbox.schema.requests import shown_fields
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.ui.arrangement import groups


def test_a_text_keeps_its_steps_and_numbers_in_view_and_more_last() -> None:
    found = groups(Txt2Img, ["seed", "batch_count", "sampler", "steps", "clip_skip", "hires", "freeu_b1"])
    assert found[""] == ["steps", "sampler", "seed", "batch_count"]
    assert list(found)[-1] == "more"
    assert "batch" not in found


def test_a_picture_folds_sizes_and_numbers_and_begins_with_the_strength() -> None:
    placed = ("image", "prompt", "negative_prompt", "styles", "checkpoint")
    found = groups(Img2Img, [name for name in shown_fields(Img2Img) if name not in placed])
    assert found[""] == ["strength", "guidance_scale", "seed"]
    assert {"width", "height", "resize_mode"} <= set(found["resize"])
    assert found["batch"] == ["batch_count", "batch_size"]
    named = [name for name in found if name]
    assert named[:4] == ["resize", "preprocessor", "loopback", "tiles"]
    assert named[-2:] == ["batch", "more"]
    assert next(iter(group for group in groups(Inpaint, shown_fields(Inpaint)) if group)) == "mask"


def test_what_enlarges_comes_before_what_cleans_and_a_target_keeps_its_own_group() -> None:
    found = groups(Upscale, [name for name in shown_fields(Upscale) if name != "image"])
    assert found[""] == ["scale", "upscaler", "noise", "jpeg_quality", "stages"]
    assert found["size"] == ["width", "height", "longest_side"]
    assert list(found) == ["size", "", "measure", "video", "batch", "more"]


def test_every_field_stands_somewhere_once() -> None:
    for request in (Txt2Img, Img2Img, Inpaint, Erase, Denoise, Upscale):
        names = shown_fields(request)
        found = [name for inside in groups(request, names).values() for name in inside]
        assert sorted(found) == sorted(names)
    assert groups(Erase, ["eraser"])["batch"] == []
