"""Every stage, a step each: what one writes the next one reads."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from spandrel import ModelLoader

from sdtoolbox.models.catalog import Catalog
from sdtoolbox.tasks import choosing
from sdtoolbox.training.__main__ import parser
from sdtoolbox.training.restore import leaves, pool, tables
from sdtoolbox.training.restore.export import PRODUCTS, Product, weights_of
from sdtoolbox.training.restore.stages import run_stage
from sdtoolbox.training.run import reached

NAMES = {product.name for product in PRODUCTS.values()}


def stage(name: str, folder: Path, *more: str) -> Namespace:
    command = ["restore", name, "--run-folder", str(folder / "run"), "--assets", str(folder / "assets"), *more]
    return parser().parse_args(command)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run` and `assets` after every stage but `evaluate`."""
    folder = tmp_path_factory.mktemp("restore")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaves, "SIZE", 208)
        patch.setattr(leaves, "_DRAWN", 416)
        patch.setattr(pool, "HELD_OUT", 1)
        run_stage("leaves", stage("leaves", folder, "--count", "2", "--processes", "1"))
        for name in ("denoiser", "polish", "sr4", "sr2", "sr2-polish", "jpeg"):
            run_stage(name, stage(name, folder, "--steps", "1", "--batch", "1"))
        run_stage("export", stage("export", folder))
    return folder


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_what_is_exported_is_small_and_any_tool_reads_it(trained: Path, product: Product) -> None:
    path = weights_of(product, trained / "assets" / "models" / "restorers")
    assert path.stat().st_size < 5_000_000
    found = ModelLoader(device="cpu").load_from_file(path)
    scales = {"sr4": 4, "sr2": 2}
    assert found.scale == scales.get(product.stage, 1)
    learned = reached(trained / "run", product.stages(trained / "run")[-1]).weights
    stored = load_file(path)
    assert stored.keys() == learned.keys()
    assert all(torch.equal(stored[name], learned[name].half()) for name in stored)


def test_the_catalog_lists_them_as_restorers(trained: Path) -> None:
    entries = {entry.name: entry for entry in Catalog([trained / "assets" / "models"])}
    assert entries.keys() == NAMES
    for product in PRODUCTS.values():
        entry = entries[product.name]
        assert (entry.kind, entry.state) == ("restorer", "ready")
        assert entry.description == product.description
    assert entries["sdtoolbox-denoiser"].variant == entries["sdtoolbox-jpeg"].variant == "drunet"
    assert entries["sdtoolbox-x4"].scale == 4


def test_the_tasks_choose_them_by_these_names() -> None:
    assert {choosing.DENOISER, choosing.JPEG_CLEANER, *choosing.ENLARGERS.values()} == NAMES


def test_the_evaluation_writes_figures_cards_and_the_documentation(
    trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("skimage")
    from sdtoolbox.training.restore import report

    photographs = report.photographs()
    few = {name: photographs[name] for name in ("astronaut", "chelsea")}
    monkeypatch.setattr(report, "photographs", lambda: few)
    monkeypatch.setattr(report, "NAMES", tuple(few))
    monkeypatch.setattr("sdtoolbox.training.restore.pictures.SHOWING", ("chelsea",))
    monkeypatch.setattr(report, "RESULTS", tmp_path / "evaluation.json")
    known = {"25 in 8 bits": {"non-local means (OpenCV)": [20.0, 21.0]}}
    monkeypatch.setattr("sdtoolbox.training.restore.measuring.references", lambda *anything: known)
    document = tmp_path / "restoration.md"
    document.write_text(f"# Restoration\n\n{tables.BEGIN}\n{tables.END}\n", encoding="utf-8")

    with torch.no_grad():
        report.evaluate(trained / "run", trained / "assets", document, lambda line: None)

    results = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert results["networks"].keys() == NAMES
    assert results["networks"]["sdtoolbox-jpeg"]["training"]["steps"] == 1
    assert len(results["networks"]["sdtoolbox-x2"]["psnr"]["bicubic"]["Lanczos"]) == 2
    text = document.read_text(encoding="utf-8")
    assert all(f"**{name}.**" in text for name in NAMES)
    assert "| Lanczos |" in text
    for stage_name, product in PRODUCTS.items():
        folder = weights_of(product, trained / "assets" / "models" / "restorers").parent
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "$" not in card
        assert f"restore {stage_name}" in card
        assert "chelsea" in card
        with Image.open(folder / "effect.jpg") as shown:
            assert shown.width > shown.height
