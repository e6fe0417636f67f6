"""What can be read out of a scene, as classification problems: who stands where, and what the whole looks like."""

from __future__ import annotations

from sdtoolbox.training.storybook.world import COLORS, GROUNDS, KINDS, PLACES, SIZES, STYLES, TIMES, WEATHERS, Scene

_SLOT = {"kind": (*KINDS, "none"), "color": (*COLORS, "none"), "size": (*SIZES, "none")}
_WHOLE = {"ground": GROUNDS, "time": TIMES, "weather": WEATHERS, "style": STYLES, "mountains": ("no", "yes")}

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **{f"{name} {place}": values for place in PLACES for name, values in _SLOT.items()},
    **_WHOLE,
}
"""Every attribute with its values, such as "kind left"; where nothing stands, kind, color and size are "none"."""


def describe(scene: Scene) -> dict[str, str]:
    """The value of each attribute in a scene."""
    found = dict.fromkeys(ATTRIBUTES, "none") | {
        "ground": scene.ground,
        "time": scene.time,
        "weather": scene.weather,
        "style": scene.style,
        "mountains": "yes" if scene.mountains else "no",
    }
    for item in scene.items:
        found |= {f"kind {item.place}": item.kind, f"color {item.place}": item.color, f"size {item.place}": item.size}
    return found


def labels(scene: Scene) -> list[int]:
    """The values of `describe` as numbers, in the order of ATTRIBUTES."""
    found = describe(scene)
    return [values.index(found[name]) for name, values in ATTRIBUTES.items()]
