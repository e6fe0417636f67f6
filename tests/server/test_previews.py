"""Pictures beside models: small, by id, whatever lies there."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.server.previews import SIZE, previews
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.ui.models import write_lora


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    for name in ("good", "bad", "none"):
        write_lora(tmp_path / "models" / f"{name}.safetensors", "sd1")
    Image.new("RGBA", (900, 300), "red").save(tmp_path / "models" / "good.png")
    (tmp_path / "models" / "bad.png").write_text("this is no picture")
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        opened.catalog.refresh()
        yield opened


def preview(toolbox: Toolbox, identity: str) -> bytes:
    (route,) = previews(toolbox).routes
    return bytes(route.endpoint(identity).body)  # type: ignore[attr-defined]


def test_a_picture_comes_small(toolbox: Toolbox) -> None:
    with Image.open(BytesIO(preview(toolbox, toolbox.catalog.find("good", "lora").id))) as image:
        assert (image.format, image.size) == ("JPEG", (SIZE, round(SIZE / 3)))


@pytest.mark.parametrize(("name", "said"), [("bad", "cannot be read"), ("none", "has no picture")])
def test_without_a_picture_it_says_so(toolbox: Toolbox, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        preview(toolbox, toolbox.catalog.find(name, "lora").id)


def test_only_models_have_one(toolbox: Toolbox) -> None:
    with pytest.raises(UserError, match="there is no model"):
        preview(toolbox, "../../etc/passwd")
