"""The house's floors: who may import whom, and what must not be imported to show a page or a help text."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "sdtoolbox"

# Top first. A room may import from every floor below its own, and from its own room, never from beside it or above.
FLOORS = [
    {"training"},
    {"__main__"},
    {"cli"},
    {"testing"},
    {"ui", "server", "replay"},
    {"toolbox"},
    {"workers"},
    {"engine", "tasks", "jobs"},
    {"builtin"},
    {"extensions"},
    {"fillers", "selectors", "restorers", "preprocessors"},
    {"samplers", "upscalers", "prompts", "models", "images"},
    {"registry"},
    {"registered"},
    {"protocols"},
    {"changes"},
    {"schema"},
    {"database", "settings", "faults", "limited"},
    {"errors"},
    {"sdtoolbox"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Doors that are wired where the floors cannot be: each with the reason.
ALLOWED = {
    ("server", "ui"): "the web server mounts the page",
}
HEAVY = {
    "torch": {"engine", "training", "testing"},
    "diffusers": {"engine", "training"},
    "transformers": {"engine", "training"},
    "gradio": {"ui"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server"},
}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "sdtoolbox"


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports at run time, wherever the import stands; TYPE_CHECKING blocks are left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return found


def modules() -> list[tuple[str, Path]]:
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return names


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_downwards(name: str, path: Path) -> None:
    room = room_of(name)
    assert room in FLOOR_OF, f"{room} has no floor: give it one in FLOORS"
    for imported in imports_of(path):
        top = imported.split(".")[0]
        if top == "sdtoolbox" and name != "sdtoolbox":
            other = room_of(imported)
            other = other if other in FLOOR_OF else "sdtoolbox"  # `from sdtoolbox import __version__`
            downwards = FLOOR_OF[other] > FLOOR_OF[room]
            assert other == room or downwards or (room, other) in ALLOWED, f"{name} imports {imported}: upwards"
        if top in HEAVY:
            assert room in HEAVY[top], f"{name} imports {imported}: only {HEAVY[top]} may"


def loaded_after(code: str) -> set[str]:
    code += "\nimport sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["txt2img", "--help"],
        ["models", "list", "--json"],
        ["jobs", "list", "--json"],
        ["extensions", "list", "--json"],
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"from sdtoolbox.cli import main\ntry: main({arguments!r})\nexcept SystemExit as e: assert not e.code, e.code"
    )
    assert loaded_after(code) & set(HEAVY) == set()


def test_importing_the_package_imports_next_to_nothing() -> None:
    assert loaded_after("import sdtoolbox") & {*HEAVY, "pydantic", "numpy", "PIL"} == set()


def test_building_the_page_does_not_import_torch() -> None:
    code = "import sdtoolbox.server.app, sdtoolbox.ui.app"
    assert loaded_after(code) & {"torch", "diffusers", "transformers"} == set()
