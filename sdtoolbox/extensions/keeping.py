"""Small files in the home folder that many processes read while one writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def keep(file: Path, values: Any) -> None:
    """Replace a JSON file as a whole: whoever reads it finds the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(values, sort_keys=True), encoding="utf-8")
    os.replace(beside, file)
