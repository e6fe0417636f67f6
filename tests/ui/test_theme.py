"""The look: readable in light and dark, and nothing but named colours."""

from __future__ import annotations

import re

import pytest

from sdtoolbox.ui.theme import COLOURS, STYLES, TEXT_ON, css, theme


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, 1 to 21."""
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_can_be_read(text: str, ground: str, mode: int) -> None:
    assert contrast(COLOURS[text][mode], COLOURS[ground][mode]) >= 4.5


def test_the_style_sheet_uses_only_colours_that_are_there_and_nothing_from_elsewhere() -> None:
    sheet = STYLES.read_text("utf-8")
    assert set(re.findall(r"var\(--sd-([\w-]+)\)", sheet)) <= set(COLOURS)
    assert re.findall(r"#[0-9a-fA-F]{6}", sheet) == []
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert css().count("--sd-page:") == 2


def test_the_theme_fetches_no_font() -> None:
    built = theme()
    assert built._stylesheets == []
    assert not re.search(r"url\(['\"]?https?:", built._get_theme_css())
