"""Small files are read whole or not at all, and nothing ever waits for the other end of a pipe."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.small_files import LARGEST_CONFIG, read_config, read_small
from tests.models.files import lora, write, write_folder


def test_a_plain_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"12345")
    assert read_small(file, 5) == b"12345"
    with pytest.raises(ValueError, match=r"a\.json is longer than 4 bytes"):
        read_small(file, 4)


def test_pipes_sockets_devices_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for place in (tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero"), tmp_path, tmp_path / "nothing"):
            with pytest.raises(OSError, match=r"not a file|No such file"):
                read_small(place, 10)


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000, "\ud800", " " * (LARGEST_CONFIG + 1)])
def test_what_is_no_configuration_is_a_value_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text, "utf-8", errors="surrogatepass")
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's words
        read_config(file)


PLACES = """
ink.json ink.civitai.info ink.sdtoolbox.json vae/config.json aaaaaaaaaaaaaaaa/config.json photo/model_index.json
photo/unet/config.json photo/scheduler/scheduler_config.json photo/sdtoolbox.json
"""


@pytest.mark.parametrize("place", PLACES.split())
def test_no_pipe_anywhere_stops_the_scan(tmp_path: Path, place: str) -> None:
    write(tmp_path / "ink.safetensors", lora())
    write_folder(tmp_path / "photo")
    for folder in ("vae", "a" * 16):
        write(tmp_path / folder / "model.safetensors", lora())
    pipe = tmp_path / place
    pipe.parent.mkdir(exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    assert {"ink"} < {entry.name for entry in Catalog([tmp_path])}
