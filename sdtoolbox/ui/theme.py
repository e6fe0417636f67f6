"""The look: neutral greys, one accent, an 8-pixel grid; every colour is named once, for light and for dark."""

from __future__ import annotations

from pathlib import Path

from gradio.themes import Base, Size
from gradio.themes.utils import colors

STYLES = Path(__file__).resolve().parent / "app.css"

# name: (light, dark). Pairs of text and ground keep a contrast of 4.5 : 1 (WCAG AA); a test holds that.
COLOURS: dict[str, tuple[str, str]] = {
    "page": ("#f4f4f3", "#161617"),
    "panel": ("#ffffff", "#1f1f21"),
    "field": ("#ffffff", "#28282b"),
    "sunken": ("#ececea", "#121213"),
    "stage": ("#d9d9d7", "#0e0e0f"),
    "line": ("#dcdcd9", "#353539"),
    "line-strong": ("#8a8a86", "#76767c"),
    "text": ("#1c1c1b", "#ededee"),
    "text-quiet": ("#5c5c58", "#a6a6ab"),
    "accent": ("#0f6b63", "#2fb3a1"),
    "accent-strong": ("#0b534d", "#45cab7"),
    "accent-soft": ("#dcefec", "#173a36"),
    "on-accent": ("#ffffff", "#06201d"),
    "danger": ("#b3261e", "#ff9a8f"),
    "danger-soft": ("#fbe9e7", "#3d1f1c"),
    "warning-soft": ("#fdf1d3", "#3a2f14"),
}
TEXT_ON = (
    ("text", "page"), ("text", "panel"), ("text", "field"), ("text", "sunken"), ("text", "warning-soft"),
    ("text-quiet", "page"), ("text-quiet", "panel"), ("text-quiet", "field"), ("text-quiet", "sunken"),
    ("accent", "panel"), ("accent", "page"), ("on-accent", "accent"), ("on-accent", "accent-strong"),
    ("text", "accent-soft"), ("danger", "panel"), ("danger", "page"), ("text", "danger-soft"),
)  # fmt: skip

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "PingFang SC", "Microsoft YaHei",
        "Noto Sans CJK SC", "sans-serif")  # fmt: skip
MONO = ("ui-monospace", "SFMono-Regular", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace")


def css() -> str:
    """The style sheet: the colours as variables, then `app.css`, which uses nothing else."""
    light = "".join(f"--sd-{name}: {value[0]};" for name, value in COLOURS.items())
    dark = "".join(f"--sd-{name}: {value[1]};" for name, value in COLOURS.items())
    return f":root {{{light}}}\n.dark {{{dark}}}\n{STYLES.read_text('utf-8')}"


def theme() -> Base:
    """Gradio's own controls in our colours; fonts are the system's, so that nothing is fetched."""
    sizes = Size(name="sd", xxs="11px", xs="12px", sm="13px", md="14px", lg="16px", xl="20px", xxl="24px")
    radius = Size(name="sd", xxs="2px", xs="4px", sm="4px", md="6px", lg="8px", xl="10px", xxl="12px")
    spacing = Size(name="sd", xxs="2px", xs="4px", sm="4px", md="8px", lg="8px", xl="16px", xxl="16px")
    base = Base(
        primary_hue=colors.teal, neutral_hue=colors.neutral, text_size=sizes, radius_size=radius, spacing_size=spacing,
        font=SANS, font_mono=MONO,
    )  # fmt: skip
    return base.set(**_both(_VARIABLES))


_VARIABLES = {
    "body_background_fill": "page",
    "body_text_color": "text",
    "body_text_color_subdued": "text-quiet",
    "background_fill_primary": "panel",
    "background_fill_secondary": "sunken",
    "block_background_fill": "panel",
    "block_border_color": "line",
    "block_label_text_color": "text-quiet",
    "block_title_text_color": "text",
    "block_info_text_color": "text-quiet",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "input_background_fill": "field",
    "input_border_color": "line",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "text-quiet",
    "link_text_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-strong",
    "button_primary_text_color": "on-accent",
    "button_secondary_background_fill": "field",
    "button_secondary_background_fill_hover": "sunken",
    "button_secondary_text_color": "text",
    "slider_color": "accent",
    "table_even_background_fill": "panel",
    "table_odd_background_fill": "panel",
}


def _both(names: dict[str, str]) -> dict[str, str]:
    # Values, not variables: Gradio writes two of them into the page before any style sheet is there.
    light = {variable: COLOURS[name][0] for variable, name in names.items()}
    dark = {f"{variable}_dark": COLOURS[name][1] for variable, name in names.items()}
    flat = {"block_shadow": "none", "block_border_width": "0px", "input_shadow": "none", "input_shadow_focus": "none"}
    return light | dark | flat | {"button_primary_shadow": "none", "input_border_width": "1px"}
