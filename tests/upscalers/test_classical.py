"""Pictures come out in the size that was asked for, and a flat one stays flat."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from sdtoolbox.upscalers import classical


@pytest.mark.parametrize("function", [classical.lanczos, classical.bicubic, classical.bilinear, classical.nearest])
def test_the_size_and_the_colour(function: Any) -> None:
    larger = function(Image.new("RGB", (13, 9), (10, 200, 77)), 40, 21)
    assert larger.size == (40, 21)
    assert larger.getextrema() == ((10, 10), (200, 200), (77, 77))


def test_nearest_makes_squares_and_lanczos_rings() -> None:
    edge = Image.new("L", (4, 1), 100)
    edge.putpixel((3, 0), 200)
    assert list(classical.nearest(edge, 8, 1).get_flattened_data()) == [100] * 6 + [200] * 2
    assert min(classical.lanczos(edge, 16, 1).get_flattened_data()) < 100
