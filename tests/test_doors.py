"""Every door is the same door: one seed gives the same pixels, one mistake the same sentence, and nothing breaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.opening import open_picture
from sdtoolbox.toolbox import Toolbox
from tests.web import Web, ready, serve

REQUEST: dict[str, Any] = {
    "prompt": "a big red house in the snow",
    "negative_prompt": "tree",
    "checkpoint": "tiny",
    "seed": 7,
    "steps": 3,
    "sampler": "dpmpp_2m_sde",
}
# What a person may get wrong, and the words that every door finds for it.
MISTAKES = [
    ({"width": 0}, "width 0 is out of range."),
    ({"steps": 1.5}, "steps 1.5 is not a whole number."),
    ({"guidance_scale": float("nan")}, "guidance_scale nan is not a finite number."),
    ({"seed": 2**64}, "seed 18446744073709551616 is out of range."),
    ({"sampler": "oiler"}, "there is no sampler 'oiler'."),
]
IDS = [next(iter(values)) for values, _ in MISTAKES]


def environment_of(home: Path, models: Path) -> dict[str, str]:
    return os.environ | {"SDTOOLBOX_HOME": str(home), "SDTOOLBOX_MODEL_FOLDERS": json.dumps([str(models)])}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Web]:
    home = tmp_path_factory.mktemp("home")
    with serve(home, test_engine="", model_folders=json.dumps([str(tiny_models)])) as running:
        yield running


@pytest.fixture(scope="module")
def beside(server: Web, tiny_models: Path) -> dict[str, str]:
    """The environment of a command that finds the server's queue."""
    return environment_of(server.home, tiny_models)


@pytest.fixture(scope="module")
def client(server: Web) -> Iterator[Client]:
    client = Client(server.url, verbose=False)
    yield client
    client.close()


def command_line(environment: dict[str, str], *arguments: str) -> tuple[int, Any]:
    command = [sys.executable, "-m", "sdtoolbox", *arguments, "--json"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return run.returncode, json.loads(run.stdout)


def flags(values: dict[str, Any]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def pixels(source: Path | bytes) -> np.ndarray[Any, Any]:
    return np.asarray(open_picture(source))


@pytest.fixture(scope="module")
def drawn_here(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Path:
    """The picture as Python draws it, in a home of its own."""
    home = tmp_path_factory.mktemp("python")
    with Toolbox.open(home=home, model_folders=(tiny_models,)) as toolbox:
        return toolbox.picture_path(toolbox.run("txt2img", **REQUEST).pictures[0].id)


def test_the_client_draws_the_same(client: Client, drawn_here: Path) -> None:
    files, result = client.predict(**REQUEST, api_name="/txt2img")
    assert len(files) == 1
    assert result["pictures"][0]["seed"] == 7
    assert np.array_equal(pixels(Path(files[0])), pixels(drawn_here))


@pytest.mark.parametrize("beside_a_server", [True, False])
def test_the_command_line_draws_the_same(
    beside: dict[str, str], tmp_path: Path, tiny_models: Path, drawn_here: Path, beside_a_server: bool
) -> None:
    environment = beside if beside_a_server else environment_of(tmp_path / "home", tiny_models)
    output = tmp_path / "out.png"
    code, _ = command_line(environment, "txt2img", *flags(REQUEST), "--output", str(output))
    assert code == 0
    assert np.array_equal(pixels(output), pixels(drawn_here))
    assert output.read_bytes() == drawn_here.read_bytes()


def test_replay_draws_the_same(tmp_path: Path, tiny_models: Path, drawn_here: Path) -> None:
    code, outcome = command_line(environment_of(tmp_path, tiny_models), "replay", str(drawn_here))
    assert (code, outcome["identical"], outcome["max_difference"]) == (0, True, 0)


@pytest.fixture
def page(server: Web, chromium: Any) -> Iterator[Any]:
    page = chromium.new_page(locale="en-US", viewport={"width": 1280, "height": 900})
    page.goto(server.url)
    ready(page)
    yield page
    page.close()


def fill(page: Any, name: str, value: Any) -> None:
    """Set a field as a person does: type, and leave it."""
    field = page.locator(f"#txt2img-{name}").locator("textarea, input").first
    field.fill(str(value))
    field.press("Tab")


def choose(page: Any, identity: str, label: str) -> None:
    page.locator(f"#{identity} input").first.click()
    page.locator("[role=option]:visible").filter(has_text=re.compile(rf"^\W*{re.escape(label)}")).first.click()


@pytest.mark.browser
def test_the_browser_draws_the_same(page: Any, server: Web, drawn_here: Path) -> None:
    choose(page, "sd-checkpoint", "tiny")
    fill(page, "prompt", REQUEST["prompt"])
    page.get_by_text("Negative prompt", exact=True).first.click()
    fill(page, "negative_prompt", REQUEST["negative_prompt"])
    fill(page, "seed", REQUEST["seed"])
    fill(page, "steps", REQUEST["steps"])
    choose(page, "txt2img-sampler", "DPM++ 2M SDE")
    page.locator("#txt2img-generate").click()
    picture = page.locator(".sd-strip [data-key] img").first
    picture.wait_for(timeout=60_000)
    identity = page.locator(".sd-strip [data-key]").first.get_attribute("data-picture")
    data = httpx.get(f"{server.url}/pictures/{identity}.png").content
    assert np.array_equal(pixels(data), pixels(drawn_here))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "typed", "shown"),
    [
        ("width", "0", "0"),
        ("steps", "1.5", "1.5"),
        ("seed", str(2**64), "18446744073709552000"),  # all the digits that a browser's number has
        ("guidance_scale", "nan", "nan"),
    ],
)
def test_the_browser_says_what_is_wrong(page: Any, client: Client, name: str, typed: str, shown: str) -> None:
    fill(page, name, typed)
    page.locator("#txt2img-generate").click()
    problem = page.locator(f"#txt2img-{name} .sd-problem")
    problem.wait_for(timeout=10_000)
    assert shown in problem.inner_text()
    assert page.locator(".sd-strip [data-key]").count() == 0
    still_draws(client)


@pytest.mark.parametrize(("values", "words"), MISTAKES, ids=IDS)
def test_the_client_says_what_is_wrong(client: Client, values: dict[str, Any], words: str) -> None:
    with pytest.raises((AppError, ValueError)) as caught:
        client.predict(**(REQUEST | values), api_name="/txt2img")
    if "guidance_scale" not in values:  # NaN does not leave the client: it cannot be said in JSON
        assert words in str(caught.value)
    still_draws(client)


@pytest.mark.parametrize(("values", "words"), MISTAKES, ids=IDS)
def test_the_command_line_says_what_is_wrong(beside: dict[str, str], values: dict[str, Any], words: str) -> None:
    code, answer = command_line(beside, "txt2img", *flags(values))
    assert code == 1
    assert words in answer["error"]["message"]


@pytest.mark.parametrize(("values", "words"), MISTAKES, ids=IDS)
def test_python_says_what_is_wrong(tmp_path: Path, tiny_models: Path, values: dict[str, Any], words: str) -> None:
    with Toolbox.open(home=tmp_path, model_folders=(tiny_models,)) as toolbox:
        with pytest.raises(UserError) as caught:
            toolbox.run("txt2img", **(REQUEST | values))
        assert caught.value.field == next(iter(values))
        assert toolbox.jobs() == []
    assert words in str(caught.value)


@pytest.mark.parametrize("prompt", ["", "red house, " * 909 + "x"], ids=["empty", "10,000 characters"])
def test_any_prompt_draws(client: Client, beside: dict[str, str], prompt: str) -> None:
    files, result = client.predict(**(REQUEST | {"prompt": prompt, "steps": 1}), api_name="/txt2img")
    assert open_picture(Path(files[0])).size == (64, 64)
    assert result["request"]["prompt"] == prompt
    code, answer = command_line(beside, "txt2img", *flags(REQUEST | {"prompt": prompt, "steps": 1}))
    assert (code, answer["pictures"]) == (0, result["pictures"])


def test_raw_nan_over_http_is_refused_in_words(server: Web) -> None:
    # Python's JSON writes a bare NaN, which the client would never send.
    values = [*REQUEST.values()]
    body = json.dumps({"data": ["a", "", "tiny", None, None, 2, None, None, float("nan"), values[3], 1, 1]})
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{server.url}/gradio_api/call/txt2img", content=body, headers=headers)
    assert answer.status_code < 500
    if answer.status_code == 200:
        event = answer.json()["event_id"]
        said = httpx.get(f"{server.url}/gradio_api/call/txt2img/{event}", timeout=30).text
        assert "event: error" in said


def still_draws(client: Client) -> None:
    files, _ = client.predict(prompt="a tree", checkpoint="tiny", steps=1, seed=1, api_name="/txt2img")
    assert open_picture(Path(files[0])).size == (64, 64)


# Requests on pictures

FROM_PICTURE: dict[str, Any] = REQUEST | {"strength": 0.6, "sampler": "euler"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A picture and a mask that cover 72x56 pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (14, 18, 3), np.uint8)).resize((72, 56))
    mask = Image.new("L", (72, 56))
    mask.paste(255, (16, 16, 48, 40))
    found = {"image": folder / "in.png", "mask": folder / "mask.png"}
    picture.save(found["image"])
    mask.save(found["mask"])
    return found


TASKS = {"img2img": ("image",), "inpaint": ("image", "mask")}


@pytest.fixture(scope="module", params=TASKS)
def edited_here(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_models: Path,
    files: dict[str, Path],
) -> tuple[str, dict[str, Path], Path]:
    """A task, the files that it works on, and the picture as Python draws it in a home of its own."""
    task = request.param
    with Toolbox.open(home=tmp_path_factory.mktemp("python"), model_folders=(tiny_models,)) as toolbox:
        add = {"image": toolbox.add_picture, "mask": toolbox.add_mask}
        given = {name: files[name] for name in TASKS[task]}
        result = toolbox.run(task, **FROM_PICTURE, **{name: add[name](file) for name, file in given.items()})
        drawn = tmp_path_factory.mktemp("drawn") / f"{task}.png"
        drawn.write_bytes(toolbox.picture_path(result.pictures[0].id).read_bytes())
        assert open_picture(drawn).size == (72, 56)
        return task, given, drawn


def test_the_client_edits_the_same(client: Client, edited_here: tuple[str, dict[str, Path], Path]) -> None:
    task, given, drawn = edited_here
    uploaded = {name: handle_file(file) for name, file in given.items()}
    made, result = client.predict(**FROM_PICTURE, **uploaded, api_name=f"/{task}")
    assert np.array_equal(pixels(Path(made[0])), pixels(drawn))
    # The id of the answer's request, or a data URI, is as good as the file.
    named = {name: result["request"][name] for name in given}
    uris = {name: f"data:image/png;base64,{b64encode(file.read_bytes()).decode()}" for name, file in given.items()}
    for values in (named, uris):
        again, _ = client.predict(**FROM_PICTURE, **values, api_name=f"/{task}")
        assert np.array_equal(pixels(Path(again[0])), pixels(drawn))


def test_the_command_line_edits_the_same(
    beside: dict[str, str], tmp_path: Path, edited_here: tuple[str, dict[str, Path], Path]
) -> None:
    task, given, drawn = edited_here
    output = tmp_path / "out.png"
    code, _ = command_line(beside, task, *flags(FROM_PICTURE | given), "--output", str(output))
    assert code == 0
    assert output.read_bytes() == drawn.read_bytes()


def test_replay_asks_for_a_picture_that_is_gone(
    tmp_path: Path, tiny_models: Path, edited_here: tuple[str, dict[str, Path], Path]
) -> None:
    _, given, drawn = edited_here
    environment = environment_of(tmp_path, tiny_models)
    code, answer = command_line(environment, "replay", str(drawn))
    assert code == 1
    assert "the image that it was drawn from" in answer["error"]["message"]
    assert "--image" in answer["error"]["hint"]
    code, outcome = command_line(environment, "replay", str(drawn), *flags(given))
    assert (code, outcome["identical"]) == (0, True)
    other = tmp_path / "other.png"
    Image.new("RGB", (72, 56), "red").save(other)
    code, outcome = command_line(environment, "replay", str(drawn), *flags(given | {"image": other}))
    assert code == 1
    assert outcome["cause"].startswith("image was ")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "there is no picture."),
        ("0" * 32, "there is no picture '00000000"),
        ("/etc/passwd", "is not the id of a picture"),
        ({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, ""),
        ("data:image/png;base64,!", "image is not base64."),
        ("data:image/png;base64,aGVsbG8=", "this is not a picture"),
    ],
)
def test_no_other_file_is_read(client: Client, image: Any, words: str) -> None:
    with pytest.raises((AppError, ValueError)) as caught:
        client.predict(prompt="x", checkpoint="tiny", image=image, api_name="/img2img")
    assert words in str(caught.value)
    assert "root:" not in str(caught.value)
    still_draws(client)


def test_a_folder_is_drawn_picture_by_picture(
    beside: dict[str, str], tmp_path: Path, files: dict[str, Path], drawn_here: Path
) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, source in (("a.png", drawn_here), ("b.png", files["image"])):
        (folder / name).write_bytes(source.read_bytes())
    (folder / "c.png").write_text("no picture")
    (folder / "notes.txt").write_text("none either")
    command = [sys.executable, "-m", "sdtoolbox", "img2img", "--image", str(folder), "--own-parameters", "--json"]
    more = ["--strength", "0.5", "--steps", "2", "--checkpoint", "tiny", "--output", str(output)]
    run = subprocess.run([*command, *more], env=beside, capture_output=True, text=True, timeout=120)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1, "one of them is no picture"
    assert [answer.get("error", {}).get("code", "") for answer in answers] == ["", "", "IMAGE_INVALID"]
    assert sorted(file.name for file in output.iterdir()) == ["a.png", "b.png"]
    own, none = (answer["request"] for answer in answers[:2])
    assert (own["prompt"], own["seed"], own["steps"], own["strength"]) == (REQUEST["prompt"], 7, 2, 0.5)
    assert none["prompt"] == ""


# Requests that restore pictures

RESTORING: dict[str, dict[str, Any]] = {"denoise": {}, "upscale": {"scale": 4}}


@pytest.fixture(scope="module", params=RESTORING)
def restored_here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_models: Path
) -> tuple[str, Path, Path]:
    """A task, a noisy picture, and what Python makes of it in a home of its own when nobody says how."""
    task = request.param
    folder = tmp_path_factory.mktemp("restored")
    given, made = folder / "in.png", folder / "out.png"
    noise = np.random.default_rng(0).normal(128, 12, (56, 72, 3))
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(given)
    with Toolbox.open(home=folder / "home", model_folders=(tiny_models,)) as toolbox:
        result = toolbox.run(task, image=toolbox.add_picture(given), **RESTORING[task])
        made.write_bytes(toolbox.picture_path(result.pictures[0].id).read_bytes())
    scale = RESTORING[task].get("scale", 1)
    assert open_picture(made).size == (72 * scale, 56 * scale)
    assert result.request["stages"], "the noise is seen"
    return task, given, made


def test_the_client_restores_the_same(client: Client, restored_here: tuple[str, Path, Path]) -> None:
    task, given, made = restored_here
    files, result = client.predict(image=handle_file(given), **RESTORING[task], api_name=f"/{task}")
    assert np.array_equal(pixels(Path(files[0])), pixels(made))
    # What was chosen can be said as well: as objects, or in the short form.
    stages = result["request"]["stages"]
    short = [f"{stages[0]['restorer']}: strength=1"]
    for said in (stages, short):
        again, _ = client.predict(image=result["request"]["image"], stages=said, **RESTORING[task], api_name=f"/{task}")
        assert np.array_equal(pixels(Path(again[0])), pixels(made))


def test_the_command_line_restores_the_same(
    beside: dict[str, str], tmp_path: Path, restored_here: tuple[str, Path, Path]
) -> None:
    task, given, made = restored_here
    output = tmp_path / "out.png"
    code, _ = command_line(beside, task, *flags({"image": given} | RESTORING[task]), "--output", str(output))
    assert code == 0
    assert output.read_bytes() == made.read_bytes()
    code, answer = command_line(
        beside, task, "--image", str(given), "--stages", "median", "--stages", "sharpen: blend=0.5"
    )
    assert code == 0
    assert [(one["restorer"], one["blend"]) for one in answer["request"]["stages"]] == [("median", 1), ("sharpen", 0.5)]


def test_a_folder_is_restored_but_for_the_broken_one(beside: dict[str, str], tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (24, 16), "teal").save(folder / name)
    (folder / "c.png").write_bytes((folder / "a.png").read_bytes()[:50])
    command = [sys.executable, "-m", "sdtoolbox", "upscale", "--image", str(folder), "--output", str(output), "--json"]
    run = subprocess.run(command, env=beside, capture_output=True, text=True, timeout=120)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [Path(answer["image"]).name for answer in answers if "error" in answer] == ["c.png"]
    assert sorted(file.name for file in output.iterdir()) == ["a.png", "b.png"]
