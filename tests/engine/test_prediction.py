from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.prediction import ask_prediction
from tests.engine.test_single_file import entry_of
from tests.tiny import write_checkpoint

CPU = Device(torch.device("cpu"), 1, "cpu")
STORYBOOK = Path(__file__).parents[2] / "assets" / "models" / "checkpoints" / "storybook"


class Answering(nn.Module):
    """A network that answers with some share of its input, and a picture."""

    def __init__(self, share: float, picture: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.share, self.picture = share, picture
        self.config = type("Config", (), {"in_channels": 9})()
        self.times: list[int] = []

    def forward(self, x: torch.Tensor, t: int, context: torch.Tensor, return_dict: bool) -> Any:
        assert context.shape[1] == 77
        self.times.append(t)
        return (self.share * x[:, :4] + self.picture,)


@pytest.mark.parametrize(
    ("share", "picture", "expected"),
    [(1.0, 0.0, "epsilon"), (0.9, 0.1, "epsilon"), (0.07, 0.5, "v_prediction"), (-0.1, -2.0, "v_prediction")],
)
def test_who_returns_the_noise_predicts_it(share: float, picture: float, expected: str, tiny_checkpoint: Path) -> None:
    components: Components = load(entry_of(tiny_checkpoint, "sd1"), CPU)
    unet = Answering(share, picture)
    components = replace(components, networks={**components.networks, "unet": unet})
    assert ask_prediction(components) == expected
    assert unet.times == [999]


def test_the_built_in_model_is_found_out() -> None:
    components = load(entry_of(STORYBOOK, "sd1"), CPU)
    assert ask_prediction(components) == components.scheduler["prediction_type"] == "v_prediction"


def test_only_a_file_of_stable_diffusion_2_that_says_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from safetensors.torch import load_file, save_file

    from sdtoolbox.engine import loading
    from sdtoolbox.engine.original_layout import write_original
    from sdtoolbox.engine.single_file import CONFIG
    from sdtoolbox.models.header import read_header

    asked: list[str] = []
    monkeypatch.setattr(loading, "ask_prediction", lambda components: asked.append("asked") or "v_prediction")
    for base in ("sd1", "sd2"):
        folder, file = tmp_path / base, tmp_path / f"{base}.safetensors"
        write_checkpoint(folder, base=base)
        write_original(folder, file, base)
        own = json.loads(read_header(file).metadata[CONFIG])
        del own["scheduler"]
        save_file(load_file(file), file, {CONFIG: json.dumps(own)})
        said = load(entry_of(file, base, prediction="epsilon"), CPU).scheduler["prediction_type"]
        assert (said, asked) == ("epsilon", [])
    assert load(entry_of(tmp_path / "sd1.safetensors", "sd1"), CPU).scheduler["prediction_type"] == "epsilon"
    assert asked == []
    assert load(entry_of(tmp_path / "sd2.safetensors", "sd2"), CPU).scheduler["prediction_type"] == "v_prediction"
    assert asked == ["asked"]
