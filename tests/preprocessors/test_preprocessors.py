"""Each preprocessor does what it is for, at every size and at both ends of its options."""

from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.preprocessors.blur import blur
from sdtoolbox.preprocessors.colours import grey, posterize
from sdtoolbox.preprocessors.edges import edges
from sdtoolbox.registered import PreprocessorInfo
from sdtoolbox.registry import Entry
from sdtoolbox.tasks.preparing import checked
from tests.fakes import builtin_registries

BUILT_IN = list(builtin_registries().preprocessors)


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 30, (height, width, 3)).astype(np.uint8)
    pixels[:, width // 2 :] += np.array([200, 120, 40], np.uint8)
    return pixels


def test_these_are_there() -> None:
    assert [entry.id for entry in BUILT_IN] == ["edges", "blur", "grey", "posterize"]
    assert all(entry.value.help for entry in BUILT_IN)


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.id)
@pytest.mark.parametrize("size", [(40, 60), (1, 1), (1, 30)])
def test_shape_and_type_stay_and_nothing_given_is_changed(
    entry: Entry[PreprocessorInfo], size: tuple[int, int]
) -> None:
    ends = [{}, *({one.name: end} for one in entry.value.options.values() for end in ends_of(one))]
    for options in ends:
        pixels = picture(*size)
        found = entry.value.function(pixels, **options)
        assert checked(entry, pixels, found) is found
        assert np.array_equal(pixels, picture(*size)), options


def ends_of(option: object) -> tuple[object, ...]:
    default = option.default  # type: ignore[attr-defined]
    return (not default,) if isinstance(default, bool) else (option.minimum, option.maximum)  # type: ignore[attr-defined]


def test_edges_are_where_the_picture_changes_and_nowhere_else() -> None:
    found = edges(picture())
    assert set(np.unique(found)) == {0, 255}
    assert found.any(axis=(1, 2)).all(), "every row is cut by the line"
    assert set(np.flatnonzero(found.any(axis=(0, 2)))) <= {28, 29, 30, 31}
    assert np.array_equal(edges(picture(), on_white=True), 255 - found)
    assert not edges(picture(), low=1000, high=1000).any()


def test_blur_takes_details_away_and_keeps_the_mean() -> None:
    pixels = picture()
    found = blur(pixels, radius=3)
    left, right = (slice(None), slice(5, 18)), (slice(None), slice(42, 55))
    assert found[left].std() < pixels[left].std() / 3
    assert abs(found[right].mean() - pixels[right].mean()) < 1
    assert np.array_equal(blur(pixels, radius=0), pixels)


def test_grey_has_equal_channels_and_the_brightness_that_there_was() -> None:
    white, red = np.full((2, 2, 3), 255, np.uint8), np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert (grey(white) == 255).all()
    assert (grey(red) == 54).all()  # 0.2126 of 255
    assert np.array_equal(grey(picture(), colour=1), picture())


def test_posterize_leaves_so_many_shades_from_black_to_white() -> None:
    slope = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for shades in (2, 3, 5, 64):
        found = np.unique(posterize(slope, shades=shades))
        assert len(found) == shades and (found[0], found[-1]) == (0, 255)
    assert (np.diff(posterize(slope)[0, :, 0].astype(int)) >= 0).all()
