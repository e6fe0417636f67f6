"""The kit passes the built-in restorers, fillers, selectors, upscalers and schedules, and names mistakes of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sdtoolbox.testing import (
    check_architecture,
    check_filler,
    check_preprocessor,
    check_prompt_syntax,
    check_restorer,
    check_schedule,
    check_selector,
    check_steer,
    check_upscaler,
)
from sdtoolbox.testing.check import attempt
from sdtoolbox.testing.conformance import LOOKS
from tests.fakes import builtin_registries

REGISTRIES = builtin_registries()
BUILT_IN = [
    (kind, entry)
    for kind in (
        "schedules",
        "upscalers",
        "fillers",
        "selectors",
        "restorers",
        "preprocessors",
        "steers",
        "prompt_syntaxes",
    )
    for entry in REGISTRIES.named(kind)
]
CLOSE_TO_NOTHING = {"karras"}
"""At the smallest rho its levels lie closer together than floats do."""


@pytest.mark.parametrize(("kind", "entry"), BUILT_IN, ids=[f"{kind} {entry.id}" for kind, entry in BUILT_IN])
def test_every_built_in_one_passes(kind: str, entry: Any) -> None:
    for name, look in LOOKS[kind].items():
        if entry.id in CLOSE_TO_NOTHING and name == "options at their ends":
            continue
        check = attempt(entry.id, name, lambda look=look: look(entry))  # type: ignore[misc]
        assert check.passed, f"{check}\n{check.details}"


def refused(check: Any, function: Any, **registration: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        check(function, **registration)
    return str(caught.value)


def test_a_restorer_whose_reach_is_too_short_is_named() -> None:
    def smooth(pixels: np.ndarray) -> np.ndarray:
        """Help."""
        import cv2

        return cv2.blur(pixels, (9, 9))

    assert "1 pixels inside a tile it differs by" in refused(check_restorer, smooth, reach=1)
    check_restorer(smooth, reach=4)
    check_restorer(smooth)


def test_a_restorer_of_another_size_range_or_scale_is_named() -> None:
    def plain(pixels: np.ndarray) -> np.ndarray:
        """Help."""
        return pixels

    assert "made (45, 64, 3) of (45, 64, 3), not (90, 128, 3)" in refused(check_restorer, plain, scale=2)

    def bright(pixels: np.ndarray) -> np.ndarray:
        """Help."""
        return pixels * 255

    assert "they must lie between 0 and 1" in refused(check_restorer, bright)

    def selfish(pixels: np.ndarray) -> np.ndarray:
        """Help."""
        pixels *= 0.5
        return pixels

    assert "work on a copy" in refused(check_restorer, selfish)


def test_a_schedule_that_does_not_end_or_fall_is_named() -> None:
    def endless(steps: int, table: Any) -> list[float]:
        """Help."""
        return [table.sigma_max / (i + 1) for i in range(steps + 1)]

    def flat(steps: int, table: Any) -> list[float]:
        """Help."""
        return [1.0] * steps + [0.0]

    def short(steps: int, table: Any) -> list[float]:
        return [1.0, 0.0]

    assert "it ends in 7.307, not in 0" in refused(check_schedule, endless)
    assert "for 2 steps 1 is followed by 1" in refused(check_schedule, flat)
    said = refused(check_schedule, short)
    assert "it gives 2 levels for 2 steps" in said and "has a help text: there is none" in said


def test_a_filler_and_an_upscaler_of_the_wrong_shape_are_named() -> None:
    def grey(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Help."""
        return pixels[..., 0]

    assert "returns uint8 (45, 64) instead of" in refused(check_filler, grey)

    def same(picture: Any, width: int, height: int) -> Any:
        """Help."""
        return picture

    assert "it makes (64, 45) of (64, 45) instead of (96, 70)" in refused(check_upscaler, same, on="pictures")


def test_a_selector_that_cannot_do_with_a_box_is_named() -> None:
    def first(pixels: np.ndarray, points: Any, box: Any) -> np.ndarray:
        """Help."""
        x, y = points[0]
        return (pixels == pixels[y, x]).all(axis=2).astype(np.float32)

    assert "it raises IndexError" in refused(check_selector, first)


def test_a_steer_of_the_whole_batch_is_named() -> None:
    def centred(denoise: Any) -> Any:
        """Help."""
        return lambda x, sigma: denoise(x, sigma) - x.mean()

    assert "take nothing from the whole batch" in refused(check_steer, centred)

    def nothing(denoise: Any) -> Any:
        """Help."""

    assert "it gives NoneType instead of a denoiser" in refused(check_steer, nothing)


def test_a_prompt_syntax_that_never_ends_is_named() -> None:
    def longer(text: str) -> str:
        """Help."""
        return f"{text}, best quality"

    assert "changes what was rewritten already" in refused(check_prompt_syntax, longer)
    check_prompt_syntax(_smile)


def _smile(text: str) -> str:
    """Smiles as words."""
    return text.replace(":)", "a smile")


def test_an_architecture_that_takes_every_file_is_named() -> None:
    def build(tensors: Any) -> Any:
        """Help."""

    assert "detect takes a file without tensors for its own" in refused(
        check_architecture, "everything", detect=lambda shapes: 2, build=build
    )
    assert "it raises KeyError" in refused(
        check_architecture, "some", detect=lambda shapes: shapes["strange.weight"][0], build=build
    )
    check_architecture("none", detect=lambda shapes: 2 if "mine.weight" in shapes else None, build=build)


def test_a_preprocessor_of_another_type_is_named() -> None:
    def light(pixels: np.ndarray) -> np.ndarray:
        """Help."""
        return pixels / 255

    assert "returns float64 (45, 64, 3) instead of uint8" in refused(check_preprocessor, light)
