"""How long a large collection takes to be found, found again, listed and searched.

    python -m tests.benchmarks.bench_catalog [--files 20000]

Makes that many small LoRA files in a temporary folder, 200 a folder, as collections are kept; every row is measured in
a process of its own where it says "from process start".
"""

from __future__ import annotations

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

A_FOLDER = 200
WORDS = ("ink", "robot", "watercolor", "portrait", "forest", "neon", "pixel", "clay", "anime", "film", "retro", "paper")
QUERIES = ("", "ink", "robot neon", "anime_00", "nothing at all", "o")
LIST = """
import sys, time
from pathlib import Path
from sdtoolbox.database import Database
from sdtoolbox.models.catalog import Catalog
catalog = Catalog([Path(sys.argv[1])], Database(Path(sys.argv[2])))
assert len(list(catalog))
"""


class Times(NamedTuple):
    """Seconds by the clock, and of computing: on a busy machine the second tells more."""

    seconds: float
    computed: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="bench-catalog-") as place:
        folder, database = Path(place) / "models", Path(place) / "home" / "sdtoolbox.sqlite3"
        write_collection(folder, files)
        rows = measure(folder, database, files)
    width = max(len(name) for name, _ in rows)
    print(f"{files} files".ljust(width), "  seconds  computed")
    for name, times in rows:
        print(f"{name.ljust(width)}  {times.seconds:8.3f}  {times.computed:8.3f}")


def write_collection(folder: Path, files: int) -> None:
    """LoRAs of one block, with the metadata of a trainer."""
    chance = random.Random(0)
    for number in range(files):
        place = folder / "Lora" / f"{number // A_FOLDER:03d}"
        if number % A_FOLDER == 0:
            place.mkdir(parents=True)
        name = "_".join(chance.sample(WORDS, 2)) + f"_{number:05d}"
        (place / f"{name}.safetensors").write_bytes(lora(chance.sample(WORDS, 3)))


def lora(tags: list[str]) -> bytes:
    """A safetensors file: the matrices of one attention layer of SD 1.5 in rank 4, all zeros."""
    start, entries = 0, {}
    layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    for name, shape in ((f"{layer}.lora_down.weight", [4, 768]), (f"{layer}.lora_up.weight", [320, 4])):
        size = 2 * shape[0] * shape[1]
        entries[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, start + size]}
        start += size
    metadata = {"ss_tag_frequency": json.dumps({"10_x": dict.fromkeys(tags, 9)}), "ss_network_dim": "4"}
    header = json.dumps({"__metadata__": metadata} | entries).encode()
    return struct.pack("<Q", len(header)) + header + bytes(start)


def measure(folder: Path, database: Path, files: int) -> list[tuple[str, Times]]:
    """What was done, and how long it took."""
    from sdtoolbox.database import Database
    from sdtoolbox.models.catalog import Catalog

    opened = Database(database)
    first_look = timed(lambda: Catalog([folder], opened))
    catalog = Catalog([folder], opened)
    first, again = timed(catalog.refresh), timed(catalog.refresh)
    assert len(list(catalog)) == files
    command = [sys.executable, "-c", LIST, str(folder), str(database)]
    rows = [
        ("opening a folder never seen, before the background takes over", first_look),
        ("first scan, the rest", first),
        ("scan again, nothing changed", again),
        ("listed from the index", timed(lambda: len(list(Catalog([folder], opened))))),
        ("listed from the index, from process start", timed(lambda: subprocess.run(command, check=True))),
        ("first search", timed(lambda: catalog.search("x"))),
    ]
    searches = {text: timed(lambda: [catalog.search(text) for _ in range(10)]) for text in QUERIES}  # noqa: B023
    rows += [(f"search for {text!r}", Times(t.seconds / 10, t.computed / 10)) for text, t in searches.items()]
    entry = next(iter(catalog))
    rows.append(("annotate one, and list again", timed(lambda: catalog.annotate(entry.id, notes="seen"))))
    opened.close()
    return rows


def timed(work: Callable[[], Any]) -> Times:
    """How long it takes by the clock, and how much of that this process and its children computed."""
    before, start = os.times(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - start, os.times()
    return Times(seconds, sum(after[:4]) - sum(before[:4]))


if __name__ == "__main__":
    main()
