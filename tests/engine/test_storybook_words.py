"""What the prompt language does to pictures, read by the judge of the built-in model: `pytest -m slow -s` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdtoolbox.images.opening import open_picture
from sdtoolbox.settings import bundled
from sdtoolbox.toolbox import Toolbox

pytestmark = pytest.mark.slow
PICTURES, STEPS = 24, 12
JUDGE = bundled("assets") / "evaluators" / "storybook" / "model.safetensors"
Seen = list[dict[str, str]]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Seen]]:
    """What the judge sees in each of the pictures of a prompt; seeds from 1."""
    if not JUDGE.is_file():
        pytest.skip("the judge of the built-in model is not there")
    from sdtoolbox.training.storybook.classifier import read
    from sdtoolbox.training.storybook.export import load_classifier

    judge = load_classifier(JUDGE)
    with Toolbox.open(home=tmp_path_factory.mktemp("home"), threads=1) as toolbox:

        def seen(prompt: str) -> Seen:
            options = {"checkpoint": "storybook", "seed": 1, "steps": STEPS, "batch_size": PICTURES}
            result = toolbox.run("txt2img", prompt=prompt, **options)
            files = [Path(toolbox.picture_path(picture.id)) for picture in result.pictures]
            return read(judge, [open_picture(file).convert("RGB") for file in files])

        yield seen


def colours(seen: Seen, kind: str) -> Counter[str]:
    """The colours of everything of this kind."""
    return Counter(
        one[f"color {place}"] for one in seen for place in ("left", "middle", "right") if one[f"kind {place}"] == kind
    )


def share(seen: Seen, kind: str) -> float:
    """In how many of the pictures there is something of this kind."""
    return sum(kind in {one[f"kind {place}"] for place in ("left", "middle", "right")} for one in seen) / len(seen)


def test_a_weight_moves_the_colour(look: Callable[[str], Seen]) -> None:
    red = {}
    heavier = ("a red (blue:1.4) house", "a red blue house", "a (red:1.4) blue house", "a (red:1.4) (blue:0.7) house")
    for prompt in heavier:
        found = colours(look(f"{prompt}, in a meadow, by day"), "house")
        red[prompt] = found["red"] / max(1, found.total())
        print(f"{prompt}: {found['red']} of {found.total()} houses are red")
    shares = list(red.values())
    assert shares == sorted(shares), "the heavier red is, the redder"
    assert shares[2] - shares[1] > 0.15
    assert shares[3] > 0.5 > shares[1]


def test_a_schedule_changes_the_object(look: Callable[[str], Seen]) -> None:
    found = {}
    for words in ("house", "[house:tree:0.7]", "[house:tree:0.3]", "tree"):
        seen = look(f"a red {words} in a meadow, by day")
        found[words] = share(seen, "house"), share(seen, "tree")
        print(f"{words}: {found[words][0]:.0%} with a house, {found[words][1]:.0%} with a tree")
    assert found["house"][0] > 0.8 and found["house"][1] < 0.1
    assert found["[house:tree:0.3]"][1] > 0.8 and found["[house:tree:0.3]"][0] < 0.1
    assert found["[house:tree:0.7]"][0] > 0.6, "late changes find the object drawn already"
