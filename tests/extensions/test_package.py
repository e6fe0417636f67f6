"""An installed package with a hook, a steer, a task, a restorer, a route and a prompt syntax; and what it leaves."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from tests.web import serve

MODULE = '''
"""Six kinds in one package."""

from typing import ClassVar

from pydantic import Field

from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.fields import Prompt, Seed
from sdtoolbox.schema.requests import Request

API = 1
VERSION = "2.5"


def brighter(image, request):
    """Every picture a little brighter."""
    return image.point(lambda value: min(255, value + 10))


def halved(denoise, *, share: float = 0.5):
    """Half of every estimate."""
    return lambda x, sigma: denoise(x, sigma) * share


def inverted(pixels):
    """The negative."""
    return 1 - pixels


def hello(name: str = "you"):
    """Greets."""
    return {"hello": name}


def smileys(text):
    """A smile is a word."""
    return text.replace(":)", "happy")


class Card(Request):
    """A card of one colour."""

    task: ClassVar[str] = "card"
    prompt: Prompt = Field("", description="What stands on it.")
    seed: Seed = Field(-1, description="Start of the random numbers.")


def run(request, ctx):
    """Draw it."""
    from PIL import Image

    ctx.stage("sampling")
    yield Drawn(Image.new("RGB", (16, 16), (len(request.prompt), 40, 60)), request.seed, request, 0)


def register(ext):
    ext.hook("picture", brighter)
    ext.steer(halved, label="Halved")
    ext.restorer(inverted, label="Inverted", reach=0)
    ext.route("hello", hello)
    ext.prompt_syntax(smileys)
    ext.task(Card, run, label="Card")
'''


def wheel(folder: Path) -> Path:
    """The package as pip takes it, made without any build tool."""
    info, file = "six_kinds-2.5.dist-info", folder / "six_kinds-2.5-py3-none-any.whl"
    files = {
        "six_kinds.py": MODULE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: six-kinds\nVersion: 2.5\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[sdtoolbox]\nsix = six_kinds\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return file


def call(client: Any, task: str, **values: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """The picture and the result that Gradio's client is answered."""
    (file, *_), result = client.predict(**values, api_name=f"/{task}")
    return np.asarray(Image.open(file).convert("RGB")), result


def test_six_kinds_work_together_and_go_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, home = tmp_path / "site", tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*command, str(wheel(tmp_path))], check=True)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    words = {"prompt": "a :) house", "seed": 3, "steps": 3, "width": 64, "height": 64}
    with serve(home, test_engine="", extension_patience="60") as web:
        client = Client(web.url, verbose=False)
        plain, _ = call(client, "txt2img", **words)
        steered, told = call(client, "txt2img", **words, steers="halved: share=0.2")
        assert told["request"]["prompt"] == "a happy house", "the prompt syntax"
        assert told["environment"]["hooks"][0]["version"] == "2.5", "the hook"
        assert not np.array_equal(plain, steered), "the steer"
        card, _ = call(client, "card", prompt="four", seed=1)
        assert card[0, 0].tolist() == [14, 50, 70], "the task, and the hook after it"
        image = f"data:image/png;base64,{b64encode(png(np.full((8, 8, 3), 200, np.uint8))).decode()}"
        negative, _ = call(client, "denoise", image=image, noise=0, jpeg_quality=100, stages="inverted")
        assert negative[0, 0].tolist() == [65, 65, 65], "the restorer, and the hook after it"
        assert httpx.get(f"{web.url}/extensions/six/hello?name=me").json() == {"hello": "me"}, "the route"
    shutil.rmtree(site)
    with serve(home, test_engine="", extension_patience="60") as web:
        assert httpx.get(f"{web.url}/extensions/six/hello").status_code == 404
        client = Client(web.url, verbose=False)
        again, told = call(client, "txt2img", **words)
        assert told["request"]["prompt"] == "a :) house" and "hooks" not in told["environment"]
        assert not any(endpoint == "/card" for endpoint in client.view_api(return_format="dict")["named_endpoints"])
        assert again.mean() < plain.mean(), "no hook makes it brighter"


def png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()
