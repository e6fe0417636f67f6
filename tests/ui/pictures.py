"""What tests of tabs with a picture do: give one, paint on it, look at what reached the server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tests.web import Web, wait_until

Point = tuple[float, float]


def open_tab(page: Any, task: str) -> None:
    """Go to a task's tab and wait until its form is there."""
    page.evaluate("(task) => sdPieces.openTab(task)", task)
    page.wait_for_selector(f"#{task}-generate:visible")
    page.wait_for_function("(task) => document.querySelector(`#${task}-image .sd-field`) !== null", arg=task)


def file_of(
    color: str | tuple[int, int, int] = "#7a3", size: tuple[int, int] = (96, 64), name: str = "a.png"
) -> dict[str, Any]:
    """A picture of one colour as a browser's file input takes it."""
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}


def value(page: Any, field: str) -> str:
    """The id that a field for a picture or a mask holds; empty for none."""
    return str(page.get_attribute(f"#{field} .sd-field", "data-value"))


def give(page: Any, task: str, file: dict[str, Any]) -> str:
    """Choose a file for a task's picture; the id that it has on the server."""
    before = value(page, f"{task}-image")
    page.set_input_files(f"#{task}-image-input", files=[file])
    page.wait_for_function(
        "([at, before]) => ![before, ''].includes(document.querySelector(at).dataset.value)",
        arg=[f"#{task}-image .sd-field", before],
    )
    width, height = Image.open(BytesIO(file["buffer"])).size
    page.wait_for_function(
        "([at, size]) => document.querySelector(at).textContent === size",
        arg=[f"#{task}-image .sd-given-size", f"{width} × {height}"],
    )
    return value(page, f"{task}-image")


def stroke(page: Any, task: str, points: Sequence[Point]) -> None:
    """Paint along points; each is a share of the picture's width and height."""
    box = page.evaluate(
        """(at) => {
            const canvas = document.querySelector(at);
            const box = canvas.getBoundingClientRect();
            const ratio = parseFloat(canvas.parentElement.style.getPropertyValue("--ratio"));
            const width = Math.min(box.width, box.height * ratio);
            const height = width / ratio;
            return [box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height];
        }""",
        f"#{task}-mask canvas",
    )
    places = [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def size_of_brush(page: Any, size: int) -> None:
    """Take a brush of so many pixels of the picture."""
    page.eval_on_selector(
        "#inpaint-mask .sd-mask-size",
        "(node, size) => { node.value = size; node.dispatchEvent(new Event('input')); }",
        size,
    )


def mask_after(page: Any, task: str, before: str) -> str:
    """The id of a mask once it is another one than before."""
    page.wait_for_function(
        "([at, before]) => document.querySelector(at).dataset.value !== before",
        arg=[f"#{task}-mask .sd-field", before],
    )
    return value(page, f"{task}-mask")


def mask(page: Any, identity: str) -> Any:
    """What the server keeps under a mask's id: uint8 [H, W]."""
    data = page.request.get(f"{page.url}masks/{identity}.png").body()
    return np.asarray(Image.open(BytesIO(data)).convert("L"))


def jobs(web: Web, task: str) -> list[dict[str, Any]]:
    """The requests of all jobs of a task, the oldest first."""
    connection = sqlite3.connect(f"file:{web.home / 'sdtoolbox.sqlite3'}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT request FROM jobs WHERE task = ? ORDER BY number", (task,)).fetchall()
    finally:
        connection.close()
    return [json.loads(request) for (request,) in rows]


def wait_for_jobs(web: Web, task: str, count: int) -> list[dict[str, Any]]:
    """The requests of a task's jobs once there are so many."""
    wait_until(lambda: len(jobs(web, task)) >= count, 20)
    return jobs(web, task)
