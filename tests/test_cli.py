"""Commands are derived from requests, speak JSON when asked, and say what is wrong in the doors' common words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from sdtoolbox import __version__
from sdtoolbox.cli import main
from sdtoolbox.images.metadata import png_bytes, read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.images.raster import Raster
from sdtoolbox.schema.requests import shown_fields
from sdtoolbox.schema.txt2img import Txt2Img
from tests.images.videos import moving, packets, pictures, times, video


@pytest.fixture(autouse=True)
def home(tmp_path: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SDTOOLBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SDTOOLBOX_MODEL_FOLDERS", json.dumps([str(tiny_models)]))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def run_json(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def draw(*arguments: str) -> Any:
    return run_json("txt2img", "--model", "tiny", "--prompt", "a red house", "--seed", "5", *arguments)


def test_help_lists_tasks_and_commands() -> None:
    output = run("--help").output
    for command in ("txt2img", "serve", "models", "jobs", "replay"):
        assert command in output


def test_flags_are_the_fields_of_the_request() -> None:
    output = " ".join(run("txt2img", "--help").output.split())
    for name in shown_fields(Txt2Img):
        info = Txt2Img.model_fields[name]
        assert f"--{name.replace('_', '-')}" in output
        assert info.description is not None
        assert info.description[:20] in output
    assert "--model" in output


def test_version() -> None:
    assert __version__ in run("--version").output


def test_a_picture_is_drawn_and_copied(home: Path) -> None:
    output = home / "new" / "out.png"
    result = draw("--output", str(output))
    assert result["files"] == [str(output)]
    assert open_picture(output).size == (64, 64)
    assert read_text(output).parameters == result["parameters"]
    assert result["pictures"][0]["seed"] == 5


def test_several_pictures_are_numbered(home: Path) -> None:
    result = draw("--batch-size", "2", "--output", str(home / "out.png"))
    assert [Path(file).name for file in result["files"]] == ["out-1.png", "out-2.png"]
    assert [picture["seed"] for picture in result["pictures"]] == [5, 6]


@pytest.mark.parametrize("suffix", [".jpg", ".TIF", ".webp"])
def test_other_formats_are_written_with_their_text(home: Path, suffix: str) -> None:
    whole, other = home / "out.png", home / f"out{suffix}"
    draw("--output", str(whole))
    assert draw("--output", str(other))["files"] == [str(other)]
    assert Raster.read(other).size == Raster.read(whole).size
    assert read_text(other).parameters == read_text(whole).parameters


def test_without_output_the_file_in_the_store_is_named() -> None:
    result = run("txt2img", "--model", "tiny", "--seed", "1", "--steps", "1")
    assert result.exit_code == 0, result.output
    assert Path(result.stdout.strip()).is_file()


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        (("--width", "0"), "width", "width 0 is out of range."),
        (("--steps", "1.5"), "steps", "steps 1.5 is not a whole number."),
        (("--guidance-scale", "nan"), "guidance_scale", "guidance_scale nan is not a finite number."),
        (("--seed", str(2**64)), "seed", "is out of range."),
        (("--steps", "many"), "steps", "steps 'many' is not a number."),
        (("--sampler", "oiler"), "sampler", "there is no sampler 'oiler'."),
        (("--schedule", "x"), "schedule", "there is no schedule 'x'."),
        (("--model", "x"), "checkpoint", "there is no checkpoint 'x'."),
        (("--output", "out.psd"), "output", "does not end as a picture file"),
    ],
)
def test_mistakes_are_named_at_their_flag(arguments: tuple[str, ...], field: str, words: str) -> None:
    error = run_json("txt2img", *arguments, code=1)["error"]
    assert error["field"] == field
    assert words in error["message"]
    assert error["hint"]
    plain = run("txt2img", *arguments)
    assert plain.exit_code == 1
    assert words in plain.stderr


def test_models_are_listed() -> None:
    rows = run_json("models", "list")
    assert {"tiny", "tiny-v"} <= {row["name"] for row in rows}
    assert set(rows[0]) == {"id", "name", "kind", "base", "state", "reason"}
    assert "tiny-v" in run("models", "list").output


def test_jobs_are_listed_newest_first_and_cannot_be_cancelled_when_done() -> None:
    assert run_json("jobs", "list") == []
    draw()
    draw("--steps", "2")
    rows = run_json("jobs", "list")
    assert [(row["number"], row["state"]) for row in rows] == [(2, "done"), (1, "done")]
    assert run_json("jobs", "list", "--state", "queued") == []
    assert run_json("jobs", "cancel", "1") == {"id": rows[1]["id"], "cancelled": False}
    assert run_json("jobs", "cancel", "99", code=1)["error"]["code"] == "JOB_MISSING"


def test_replay_is_identical(home: Path) -> None:
    draw("--batch-size", "3", "--sampler", "euler_ancestral", "--output", str(home / "out.png"))
    assert run_json("replay", str(home / "out-3.png")) == {
        "identical": True,
        "max_difference": 0,
        "cause": "",
        "picture": run_json("jobs", "list")[0]["result"]["pictures"][2]["id"],
    }


def test_replay_of_a_changed_picture_says_how_much_and_fails(home: Path) -> None:
    file = home / "out.png"
    draw("--output", str(file))
    text = read_text(file)
    image = open_picture(file)
    red, green, blue = image.getpixel((3, 3))  # type: ignore[misc]
    image.putpixel((3, 3), (red, green, blue + 7 if blue < 128 else blue - 7))
    file.write_bytes(png_bytes(image, text.parameters or "", text.exact or {}))
    outcome = run_json("replay", str(file), code=1)
    assert (outcome["identical"], outcome["max_difference"]) == (False, 7)
    assert "edited" in outcome["cause"]


@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_replay_of_what_is_no_picture(home: Path, content: bytes) -> None:
    (home / "x.png").write_bytes(content)
    assert run_json("replay", str(home / "x.png"), code=1)["error"]["code"] == "IMAGE_INVALID"


def test_replay_of_a_picture_of_somebody_else(home: Path) -> None:
    Image.new("RGB", (8, 8)).save(home / "x.png")
    error = run_json("replay", str(home / "x.png"), code=1)["error"]
    assert "does not say how it was drawn" in error["message"]


def test_styles_go_in_and_come_out_again(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('name,prompt,negative_prompt,steps\nFilm,"{prompt}, grain",blurry,30\nInk,ink,,\n')
    assert json.loads(run("styles", "import", str(source), "--json").output) == {"added": 2, "replaced": 0}
    assert "Film  {prompt}, grain  blurry" in run("styles", "list").output
    assert run("styles", "export", str(target)).exit_code == 0
    assert target.read_text() == source.read_text()
    assert json.loads(run("styles", "remove", "film", "--json").output) == {"removed": "Film"}
    assert [style["name"] for style in json.loads(run("styles", "list", "--json").output)] == ["Ink"]
    answer = json.loads(run("styles", "import", str(tmp_path / "none.csv"), "--json").output)
    assert answer["error"]["message"] == "there is no file none.csv."


def test_a_plot_is_lines_of_axes_whose_values_may_lie_in_a_file(home: Path) -> None:
    (home / "prompts.txt").write_text('a boat\n--prompt "a cat, asleep" --steps 3\n', "utf-8")
    result = draw("--plot", f"x: prompts: @{home / 'prompts.txt'}", "--plot", "y: Sampler: Euler, Heun")
    asked = [(one["request"]["prompt"], one["request"]["sampler"]) for one in result["pictures"][:-1]]
    assert asked == [(prompt, sampler) for sampler in ("euler", "heun") for prompt in ("a boat", "a cat, asleep")]
    assert result["pictures"][-1]["request"]["plot"]["y"] == {"field": "Sampler", "values": "Euler, Heun"}
    refused = run("txt2img", "--plot", f"x: prompts: @{home / 'none.txt'}").output
    assert "none.txt cannot be read" in refused
    assert str(home) not in refused


CLASSICAL = ("--stage", "median", "--noise", "0", "--jpeg-quality", "100")


def test_a_video_goes_in_and_comes_out(home: Path) -> None:
    clip, output = home / "in.mp4", home / "new" / "out.mp4"
    clip.write_bytes(video(moving(24)))
    result = run_json("denoise", "--video", str(clip), "--output", str(output), *CLASSICAL)
    assert result["files"] == [str(output)] and result["warnings"] == []
    data = output.read_bytes()
    assert times(data) == times(clip.read_bytes()) and packets(data) == packets(clip.read_bytes())
    text = read_text(output)
    assert text.parameters == result["parameters"] and text.exact is not None
    assert text.exact["request"] == result["request"] and result["request"]["frames"] == 24
    outcome = run("replay", str(output))
    assert (outcome.exit_code, outcome.stdout.strip()) == (0, "identical")
    assert [one.name for one in (home / "home" / "outputs").iterdir() if one.is_file()] == []


def test_a_video_becomes_larger(home: Path) -> None:
    (home / "in.mkv").write_bytes(video(moving(6), format="matroska", sound="flac"))
    output = home / "out.mp4"
    run_json("upscale", "--image", str(home / "in.mkv"), "--upscaler", "lanczos", "--output", str(output), *CLASSICAL)
    found = pictures(output.read_bytes())
    assert len(found) == 6 and found[0].shape == (96, 128, 3)


@pytest.mark.parametrize(("name", "output"), [("in.mp4", "out.png"), ("in.png", "out.mp4")])
def test_a_video_is_no_picture_and_a_picture_no_video(home: Path, name: str, output: str) -> None:
    (home / "in.mp4").write_bytes(video(moving(2), sound=""))
    Image.new("RGB", (32, 32)).save(home / "in.png")
    arguments = ("denoise", "--image", str(home / name), "--output", str(home / output))
    assert run_json(*arguments, code=1)["error"]["field"] == "output"


def test_a_folder_of_frames_gives_frames_and_its_videos_videos(home: Path) -> None:
    folder, output = home / "in", home / "out"
    folder.mkdir()
    for i, pixels in enumerate(moving(2)):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "film.mp4").write_bytes(video(moving(2), sound=""))
    done = run("denoise", "--image", str(folder), "--output", str(output), *CLASSICAL)
    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in output.iterdir()) == ["0.png", "1.png", "film.mp4"]
