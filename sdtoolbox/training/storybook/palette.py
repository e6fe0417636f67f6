"""The storybook's colours: eight paints, and the light of day, sunset and night on everything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

RGB = tuple[int, int, int]

PAINTS: dict[str, RGB] = {
    "red": (222, 46, 44),
    "orange": (247, 134, 26),
    "yellow": (252, 214, 48),
    "green": (24, 144, 86),
    "blue": (38, 88, 214),
    "purple": (132, 62, 184),
    "pink": (252, 142, 188),
    "white": (252, 252, 250),
}

NEUTRALS: dict[str, RGB] = {
    "cream": (255, 240, 212),
    "ink": (62, 54, 74),
    "wood": (142, 92, 58),
    "stem": (70, 146, 62),
    "grey": (186, 190, 202),
    "glass": (176, 224, 242),
    "sand": (244, 208, 134),
    "water": (66, 168, 214),
    "foam": (226, 244, 248),
}

LAMPLIGHT: RGB = (255, 218, 112)
PAPER: RGB = (250, 246, 235)
GRAPHITE: RGB = (72, 68, 78)


def mix(a: RGB, b: RGB, amount: float) -> RGB:
    """The colour `amount` (0 to 1) of the way from `a` to `b`."""
    keep = 1.0 - amount
    return (
        round(a[0] * keep + b[0] * amount),
        round(a[1] * keep + b[1] * amount),
        round(a[2] * keep + b[2] * amount),
    )


def lit(color: RGB, time: str) -> RGB:
    """An object's colour in the light of `time`: unchanged by day, a touch warm or blue otherwise."""
    if time == "sunset":
        return mix(color, (255, 150, 110), 0.07)
    if time == "night":
        # A product, not a blend: blending with blue would turn yellow into olive.
        return round(color[0] * 0.94), round(color[1] * 0.97), color[2]
    return color


@lru_cache(maxsize=64)
def tones(paint: str, time: str) -> dict[str, RGB]:
    """Named tones of an object painted `paint` at `time`: main, light, dark, line and the neutrals."""
    main = PAINTS[paint]
    if paint == "white":
        light, dark, line = (228, 234, 244), (206, 214, 230), (84, 90, 126)
    else:
        light, dark = mix(main, (255, 255, 255), 0.34), mix(main, (60, 20, 60), 0.18)
        line = mix(main, (36, 22, 62), 0.66)
    named = {"main": main, "light": light, "dark": dark, "line": line, **NEUTRALS}
    lighted = {name: lit(color, time) for name, color in named.items()}
    if time == "night":
        lighted["glass"] = LAMPLIGHT
        lighted["water"] = (40, 88, 160)
        lighted["line"] = mix(lighted["line"], (14, 16, 48), 0.4)
    return lighted


@dataclass(frozen=True, slots=True)
class Sky:
    """A sky's gradient (top, middle, horizon), and the paints of what hangs in it."""

    top: RGB
    middle: RGB
    horizon: RGB
    disc: RGB
    halo: RGB
    cloud: RGB
    cloud_shade: RGB
    drop: RGB
    flake: RGB
    peaks: tuple[RGB, RGB]
    snowcap: RGB


SKIES: dict[str, Sky] = {
    "day": Sky(
        (44, 142, 236), (84, 178, 248), (136, 208, 252),
        (255, 222, 74), (146, 208, 236), (255, 255, 255), (214, 232, 248), (208, 234, 255), (255, 255, 255),
        ((112, 136, 206), (88, 112, 186)), (246, 250, 255),
    ),
    "sunset": Sky(
        (116, 66, 158), (240, 112, 122), (255, 190, 104),
        (255, 236, 140), (255, 170, 104), (255, 196, 186), (226, 134, 160), (255, 226, 226), (255, 246, 240),
        ((150, 84, 150), (118, 66, 136)), (255, 208, 190),
    ),
    "night": Sky(
        (14, 20, 64), (28, 42, 104), (58, 78, 152),
        (255, 246, 202), (50, 66, 130), (96, 110, 168), (72, 86, 146), (148, 174, 232), (236, 242, 255),
        ((50, 60, 122), (36, 44, 100)), (172, 186, 232),
    ),
}  # fmt: skip

# Overcast skies keep a saturation of at least 0.45: they turn slate blue, never grey.
OVERCAST: dict[str, RGB] = {"day": (54, 116, 182), "sunset": (132, 74, 128), "night": (22, 28, 66)}


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground's three layers from far to near, and two paints for its small decoration."""

    far: RGB
    middle: RGB
    near: RGB
    accent: RGB
    detail: RGB


GROUNDS_BY_TIME: dict[tuple[str, str], Ground] = {
    ("meadow", "day"): Ground((170, 220, 96), (142, 206, 72), (116, 188, 56), (255, 244, 190), (84, 158, 48)),
    ("meadow", "sunset"): Ground((176, 184, 72), (134, 166, 62), (98, 146, 58), (255, 222, 150), (70, 116, 54)),
    ("meadow", "night"): Ground((44, 112, 92), (34, 98, 78), (26, 82, 68), (156, 190, 170), (20, 64, 58)),
    ("desert", "day"): Ground((252, 214, 132), (246, 196, 102), (238, 178, 80), (255, 226, 154), (212, 146, 66)),
    ("desert", "sunset"): Ground((240, 156, 92), (222, 132, 80), (202, 110, 74), (250, 176, 110), (166, 84, 72)),
    ("desert", "night"): Ground((150, 114, 112), (132, 98, 104), (114, 84, 98), (168, 130, 122), (88, 64, 86)),
    ("snow", "day"): Ground((216, 234, 250), (232, 243, 253), (246, 250, 255), (255, 255, 255), (192, 216, 242)),
    ("snow", "sunset"): Ground((232, 190, 208), (244, 208, 216), (252, 226, 226), (255, 240, 236), (212, 166, 200)),
    ("snow", "night"): Ground((132, 154, 208), (150, 172, 220), (168, 188, 230), (206, 220, 250), (110, 132, 192)),
    ("sea", "day"): Ground((22, 128, 186), (30, 148, 198), (44, 166, 206), (162, 222, 236), (20, 116, 176)),
    ("sea", "sunset"): Ground((126, 76, 150), (104, 74, 154), (84, 70, 150), (250, 160, 140), (76, 58, 132)),
    ("sea", "night"): Ground((24, 58, 126), (22, 66, 134), (26, 76, 144), (92, 138, 206), (16, 44, 104)),
}
