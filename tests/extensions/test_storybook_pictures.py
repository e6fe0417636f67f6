"""What the shipped samplers draw with the built-in model, as its judge sees it: `pytest -m slow -s` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdtoolbox.images.opening import open_picture
from sdtoolbox.settings import bundled
from sdtoolbox.toolbox import Toolbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
JUDGE = bundled("assets") / "evaluators" / "storybook" / "model.safetensors"
EVERY, SEEDS = 10, 2  # every tenth of the evaluation's 200 sentences: 40 pictures
Shares = dict[str, float]


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Shares]]:
    """How often object and colour are right in pictures of a sampler, all else as the page has it."""
    if not JUDGE.is_file():
        pytest.skip("the judge of the built-in model is not there")
    from sdtoolbox.training.storybook.classifier import read
    from sdtoolbox.training.storybook.evaluate import count, judge
    from sdtoolbox.training.storybook.evaluation import load_entries
    from sdtoolbox.training.storybook.export import load_classifier

    classifier, known = load_classifier(JUDGE), dict[str, Shares]()
    with Toolbox.open(home=tmp_path_factory.mktemp("home"), threads=1) as toolbox:

        def measured(sampler: str) -> Shares:
            if sampler not in known:
                verdicts = []
                for entry in load_entries()[::EVERY]:
                    options = {"checkpoint": "storybook", "sampler": sampler, "seed": 1, "batch_size": SEEDS}
                    result = toolbox.run("txt2img", prompt=entry["sentence"], **options)
                    files = [Path(toolbox.picture_path(picture.id)) for picture in result.pictures]
                    seen = read(classifier, [open_picture(file).convert("RGB") for file in files])
                    verdicts += [judge(entry, one) for one in seen]
                found = count(verdicts)
                known[sampler] = {name: found[name].value for name in ("object", "color", "ground", "time")}
                print(f"{sampler}: " + ", ".join(f"{name} {found[name]}" for name in known[sampler]))
            return known[sampler]

        yield measured


@pytest.mark.parametrize("sampler", ["langevin", "adjusted_langevin", "reverse_sde", "annealed_ancestral"])
def test_pictures_are_as_recognisable_as_those_of_euler_a(sampler: str, shares: Callable[[str], Shares]) -> None:
    usual, found = shares("euler_ancestral"), shares(sampler)
    for name, share in usual.items():
        assert found[name] > share - 0.1, name
