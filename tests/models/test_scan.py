"""Whatever the folders are called and whatever lies in them: models are found, the rest is passed over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.models import scan
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.scan import find_models
from tests.models.files import VAE, lora, write, write_folder

LAYOUTS = {
    "A1111": {
        "models/Stable-diffusion/photo.safetensors": "photo",
        "models/Lora/styles/ink.safetensors": "ink",
        "models/LyCORIS/wash.sft": "wash",
        "models/VAE/soft.safetensors": "soft",
        "embeddings/bad hands.safetensors": "bad hands",
        "models/ESRGAN/4x.pth": "4x",
    },
    "ComfyUI": {
        "models/checkpoints/photo.safetensors": "photo",
        "models/loras/ink.safetensors": "ink",
        "models/diffusion_models/net.safetensors": "net",
        "models/text_encoders/clip_l.safetensors": "clip_l",
        "models/unet/quantised.gguf": "quantised",
        "models/upscale_models/4x.pth": "4x",
    },
    "InvokeAI": {
        "models/sd-1/lora/ink.safetensors": "ink",
        "models/sdxl/main/photo.safetensors": "photo",
        "models/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/robot.safetensors": "robot",
    },
}


def names(root: Path) -> list[str]:
    return [found.name for found in find_models(root)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_of_other_programs_are_read_where_they_are(tmp_path: Path, layout: str) -> None:
    for place in LAYOUTS[layout]:
        write(tmp_path / place, lora())
    (tmp_path / "models" / "config.yaml").write_text("x")
    (tmp_path / "models" / "Put models here.txt").touch()
    assert sorted(names(tmp_path)) == sorted(LAYOUTS[layout].values())


def test_a_diffusers_folder_is_one_model_and_its_files_are_none(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "sd-1" / "main" / "photo")
    (folder / "unet" / "diffusion_pytorch_model.bin").touch()
    write(folder / "photo.safetensors", lora())
    (found,) = find_models(tmp_path)
    assert (found.name, found.layout, found.path) == ("photo", "diffusers", folder)
    assert found.size == sum(file.stat().st_size for file in folder.glob("*/*.safetensors"))


def test_one_component_in_a_folder_is_a_model_and_a_config_beside_files_is_not(tmp_path: Path) -> None:
    write(tmp_path / "vae-mse" / "diffusion_pytorch_model.safetensors", VAE)
    (tmp_path / "vae-mse" / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    write(tmp_path / "loras" / "ink.safetensors", lora())
    (tmp_path / "loras" / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    assert [(found.name, found.layout) for found in find_models(tmp_path)] == [
        ("ink", "file"),
        ("vae-mse", "diffusers"),
    ]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("hub/models--maker--photo-v2/snapshots/" + "a" * 40, "photo-v2"),
        ("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "photo"),
    ],
)
def test_folders_named_by_hashes_are_called_by_their_models_names(tmp_path: Path, place: str, name: str) -> None:
    write_folder(tmp_path / place, index={"_class_name": "StableDiffusionPipeline", "_name_or_path": "maker/photo"})
    assert names(tmp_path) == [name]


def test_hidden_things_are_skipped(tmp_path: Path) -> None:
    write(tmp_path / ".cache" / "ink.safetensors", lora())
    write(tmp_path / "._ink.safetensors", lora())
    assert names(tmp_path) == []


def test_loops_of_links_end_and_two_ways_to_a_folder_are_one(tmp_path: Path) -> None:
    write(tmp_path / "real" / "ink.safetensors", lora())
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "self").symlink_to(tmp_path / "real" / "self")
    (tmp_path / "again").symlink_to(tmp_path / "real")
    assert names(tmp_path) == ["ink"]


def test_two_links_to_a_file_are_one_model(tmp_path: Path) -> None:
    file = write(tmp_path / "store" / "blob.safetensors", lora())
    (tmp_path / "ink.safetensors").symlink_to(file)
    (one, other) = find_models(tmp_path)
    assert one.id == other.id
    assert [entry.name for entry in Catalog([tmp_path])] == ["ink"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_and_links_to_nowhere_are_told_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    reasons = {entry.name: (entry.state, entry.reason) for entry in Catalog([tmp_path])}
    assert reasons == {
        "pipe": ("broken", "it is a pipe, a socket or a device, not a file"),
        "gone": ("broken", "it is a link to a file that is not there"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_that_are_no_text_survive_index_and_json(tmp_path: Path) -> None:
    odd = os.fsdecode(bytes(tmp_path) + b"/caf\xe9 \xff")
    write(Path(odd) / os.fsdecode(b"stil\xe9.safetensors"), lora())
    database = Database(tmp_path / "db.sqlite3")
    for _ in range(2):  # as it is found, and as it is kept
        (entry,) = Catalog([Path(odd)], database)
        assert entry.name == "stil\ufffd"
        assert entry.path.is_file()
        assert entry.name.encode()
    database.close()


def test_names_steer_no_terminal_and_can_be_copied_into_a_command(tmp_path: Path) -> None:
    write(tmp_path / "a\x1b[31m\u202eb\n\u3000é.safetensors", lora())
    (tmp_path / "x; rm -rf ~.ckpt").touch()
    write_folder(tmp_path / "own", own={"name": "\x1b]0;mine\x07"})
    found = {entry.name: entry for entry in Catalog([tmp_path])}
    assert found.keys() == {"a\ufffd[31m\ufffdb\ufffd\u3000é", "x; rm -rf ~", "\ufffd]0;mine\ufffd"}
    assert found["x; rm -rf ~"].reason.endswith("sdtoolbox models convert 'x; rm -rf ~'")


def test_unreadable_folders_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a" / "ink.safetensors", lora())
    write(tmp_path / "b" / "robot.safetensors", lora())
    real = os.scandir

    def guarded(place: os.PathLike[str]) -> os.DirEntry[str]:  # root may read everything: chmod would show nothing
        if Path(place).name == "a":
            raise PermissionError(13, "denied")
        return real(place)  # type: ignore[return-value]

    monkeypatch.setattr(scan.os, "scandir", guarded)
    assert names(tmp_path) == ["robot"]
    assert names(tmp_path / "not there") == []


def test_a_file_that_vanishes_between_two_looks_is_no_error(tmp_path: Path) -> None:
    file = write(tmp_path / "ink.safetensors", lora())
    (found,) = find_models(tmp_path)
    file.unlink()
    from sdtoolbox.models.describing import describe

    assert describe(found).state == "broken"


def test_broken_files_say_how(tmp_path: Path) -> None:
    (tmp_path / "page.safetensors").write_bytes(b"<!doctype html><title>Sign in</title>")
    (tmp_path / "empty.safetensors").touch()
    whole = write(tmp_path / "cut.safetensors", lora()).read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-10])
    (tmp_path / "renamed.safetensors").write_bytes(b"PK\x03\x04" + bytes(100))
    found = {entry.name: entry for entry in Catalog([tmp_path])}
    assert found["renamed"].state == "needs_conversion"
    assert {found[name].state for name in ("page", "empty", "cut")} == {"broken"}
    assert len({entry.reason for entry in found.values()}) == 4
    assert all(str(tmp_path) not in entry.reason for entry in found.values())


@pytest.mark.parametrize("inside", ["unet/config.json", "scheduler/scheduler_config.json", "tokenizer/merges.txt"])
def test_a_folders_version_changes_with_whatever_decides_what_it_draws(tmp_path: Path, inside: str) -> None:
    folder = write_folder(tmp_path / "photo")
    (folder / inside).parent.mkdir(exist_ok=True)
    (folder / inside).write_text("{}")
    size, first = scan.folder_version(folder)
    (folder / inside).write_text('{"prediction_type": "v_prediction"}')
    os.utime(folder / inside, (1, 1))
    found = next(find_models(tmp_path))
    assert (found.size, found.mtime_ns) == scan.folder_version(folder)
    assert found.size == size
    assert found.mtime_ns != first


def test_a_mark_changes_with_the_file_and_with_what_lies_beside_it(tmp_path: Path) -> None:
    file = write(tmp_path / "ink.safetensors", lora())
    marks = [next(find_models(tmp_path)).mark]
    (tmp_path / "ink.json").write_text("{}")
    marks.append(next(find_models(tmp_path)).mark)
    write(file, lora(1024))
    marks.append(next(find_models(tmp_path)).mark)
    assert len(set(marks)) == 3
    assert next(find_models(tmp_path)).mark == marks[-1]
