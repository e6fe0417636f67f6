from __future__ import annotations

import pytest

from sdtoolbox.engine.adapters.blocks import LISTS, Blocks
from sdtoolbox.engine.adapters.keys import Target
from sdtoolbox.engine.components import Components
from sdtoolbox.errors import UserError
from tests.engine.adapters.miniature import CONVOLUTION, LINEAR, TEXT

UP = "up_blocks.0.resnets.1.conv1"
TIME = "time_embedding.linear_1"


def factors(components: Components, text: str) -> list[float]:
    """Of a module on the way down (IN01), in the middle, on the way up (OUT01), of none of them, of the text."""
    given = Blocks(components.unet).factors(text)
    places = [Target("unet", path) for path in (LINEAR, CONVOLUTION, UP, TIME)]
    return [given.of(place) for place in (*places, Target("text_encoder", TEXT))]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [1, 1, 1, 1, 1]),
        ("down=0.2, mid=0.5, up=0", [0.2, 0.5, 0, 1, 1]),
        ("up=-1", [1, 1, -1, 1, 1]),
        ("in01=0.25;MID=0;Base=2", [0.25, 0, 1, 2, 2]),
        ("down=0.2,IN01=0.3", [0.3, 1, 1, 1, 1]),
        ("M00=0.5,OUT01=3", [1, 0.5, 3, 1, 1]),
        (",".join(["1", *["0"] * 25]), [0, 0, 0, 1, 1]),
        (",".join(["0", *["0.1"] * 12, "0.2", *["0.3"] * 12]), [0.1, 0.2, 0.3, 0, 0]),
        (",".join(["0", *["0.1"] * 9, "0.2", *["0.3"] * 9]), [0.1, 0.2, 0.3, 0, 0]),
        (",".join(["0", *["0.1"] * 6, "0.2", *["0.3"] * 9]), [0.1, 0.2, 0, 0, 0]),  # 17 have no OUT01
        (",".join(["0", *["0.1"] * 4, "0.2", *["0.3"] * 6]), [0, 0.2, 0.3, 0, 0]),  # 12 have no IN01
    ],
)
def test_what_can_be_written(text: str, wanted: list[float], components: Components) -> None:
    assert factors(components, text) == wanted


def test_the_lists_have_the_lengths_that_they_are_known_by() -> None:
    assert sorted(LISTS) == [12, 17, 20, 26]
    assert all(len(names) == len(set(names)) == count for count, names in LISTS.items())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("left=1", "no block 'left'"),
        ("IN11=1", "IN00, IN01"),
        ("down=much", "'much' is not a block weight"),
        ("down=nan", "'nan' is not a block weight"),
        ("down=11", "from -10 to 10"),
        ("1,2,3", "3 block weights"),
        ("MIDD", "1 block weights"),
        ("down=1,0.5", "no block '0.5'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str, said: str, components: Components) -> None:
    with pytest.raises(UserError) as refused:
        Blocks(components.unet).factors(text)
    assert refused.value.code == "PARAM_INVALID" and refused.value.field == "adapters"
    assert said in str(refused.value)
