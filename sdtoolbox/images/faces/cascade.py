"""OpenCV's cascade of local binary patterns, as scikit-image runs it: finds upright faces that look straight ahead.

Liao et al. 2007, "Learning Multi-scale Block Local Binary Patterns for Face Recognition". The cascade comes with
scikit-image; OpenCV 5 runs cascades no more. One look takes much for a face, so several looks vote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdtoolbox.images.faces.squares import Face

SIZES = (1.0, 0.85, 0.7)
"""Of each look, each as the picture is and mirrored, as a share of its size."""
VOTES = 4
"""Looks of six that must find a face. In scikit-image's pictures of no people nothing is found by more than two."""
LEAST_PICTURE, MOST_PICTURE = 320, 512
"""The longest sides between which pictures are brought first."""
WINDOW = 24
"""The least box, in pixels: what the cascade was trained on."""
STEP = 1.2
CLOSE = 0.3
"""Boxes of different looks whose centres are no farther apart than this share of their width are of one face."""
RATIO = 1.6
"""And no more different in width."""
LEAST_SHARE = 0.5
"""Of the largest face's width: far smaller ones are as a rule none, but a patch of cloth or of light."""


@dataclass(frozen=True, slots=True)
class _Box:
    look: int
    x: float  # of its centre
    y: float
    width: float


class Cascade:
    """A `finding.Detector` that needs no file but what scikit-image brings."""

    def __call__(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """Faces without an angle, of which most looks are sure."""
        import cv2

        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        groups = _grouped([box for number, look in enumerate(_looks(grey)) for box in _found(number, *look)])
        sure = [group for group in groups if len({box.look for box in group}) >= VOTES]
        means = [_median(group) for group in sure]
        largest = max((width for _, _, width in means), default=0.0)
        return [
            Face.of_box(x - width / 2, y - width / 2, width, width)
            for x, y, width in means
            if width >= LEAST_SHARE * largest
        ]


def _looks(grey: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], float, bool]]:
    """The picture in several sizes: [h, w], how many times as large it is, whether it is mirrored."""
    import cv2

    height, width = grey.shape
    longest = max(height, width)
    whole = min(max(longest, LEAST_PICTURE), MOST_PICTURE) / longest
    for share in SIZES:
        scale = whole * share
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if min(size) < WINDOW:
            continue
        way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        look = np.asarray(cv2.resize(grey, size, interpolation=way), np.uint8)
        yield look, scale, False
        yield np.ascontiguousarray(look[:, ::-1]), scale, True


def _found(number: int, look: NDArray[np.uint8], scale: float, mirrored: bool) -> Iterator[_Box]:
    most = min(look.shape)
    for one in _cascade().detect_multi_scale(
        img=look, scale_factor=STEP, step_ratio=1, min_size=(WINDOW, WINDOW), max_size=(most, most)
    ):
        x, y, width = one["c"] + one["width"] / 2, one["r"] + one["height"] / 2, one["width"]
        yield _Box(number, (look.shape[1] - x if mirrored else x) / scale, y / scale, width / scale)


def _grouped(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """The boxes of one place together, the widest first."""
    groups: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda box: (-box.width, box.look, box.x, box.y)):
        for group in groups:
            x, y, width = _median(group)
            near = max(abs(box.x - x), abs(box.y - y)) < CLOSE * width
            if near and box.width * RATIO > width:
                group.append(box)
                break
        else:
            groups.append([box])
    return groups


def _median(group: Sequence[_Box]) -> tuple[float, float, float]:
    x, y, width = np.median([(box.x, box.y, box.width) for box in group], axis=0).tolist()
    return x, y, width


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade as Patterns

    return Patterns(lbp_frontal_face_cascade_filename())
