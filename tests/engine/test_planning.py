"""What the catalog calls ready can be loaded: every fixture of names and shapes has a plan, and no weight is read."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from sdtoolbox.engine.adapters import formulas
from sdtoolbox.engine.adapters.keys import ModuleNames, split
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.embeddings import load_embedding
from sdtoolbox.engine.families import ANY_VAE, FAMILIES, family_of
from sdtoolbox.engine.planning import check, plan_single_file, plan_vae
from sdtoolbox.engine.sizes import parameters_of
from sdtoolbox.models.adapter_layouts import ENDINGS, UNREAD
from sdtoolbox.models.architectures import recognise
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.header import read_header
from tests.models.layouts.fixtures import FIXTURES
from tests.models.layouts.headers import header, write
from tests.models.layouts.unets import Shapes


def ready(*kinds: str) -> list[object]:
    """The fixtures of these kinds that the catalog calls ready, with their recognition."""
    found = []
    for row, files in FIXTURES.items():
        for number, shapes in enumerate(files):
            seen = recognise(header(shapes))
            if seen.kind in kinds and seen.state == "ready":
                found.append(pytest.param(shapes, seen.kind, seen.base, id=f"{row}-{number}"))
    return found


def entry_of(file: Path, kind: str, base: str) -> CatalogEntry:
    return CatalogEntry(id="0" * 32, name=file.stem, kind=kind, base=base, state="ready", path=file)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shapes", "kind", "base"), ready("checkpoint", "vae"))
def test_whatever_is_ready_has_a_plan(shapes: Shapes, kind: str, base: str, tmp_path: Path) -> None:
    entry = entry_of(write(tmp_path / "tiny.safetensors", shapes), kind, base)
    with ExitStack() as opened:
        if kind == "vae":
            assert plan_vae(entry, ANY_VAE, opened).parameters
            return
        plan = plan_single_file(entry, family_of(base), opened, own_vae=True)
        check(plan, entry)
    counted = parameters_of(entry)
    assert counted.keys() == plan.parts.keys()
    for part, blueprint in plan.parts.items():  # files have a few that networks lack: layers that nothing reads
        assert 0 < blueprint.parameters <= counted[part] < 1.1 * blueprint.parameters


@cache
def names_of(base: str) -> ModuleNames:
    """The modules of a full-size network, without weights."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        file = write(Path(folder) / "full.safetensors", FIXTURES[base][0])
        plan = plan_single_file(entry_of(file, "checkpoint", base), family_of(base), opened, own_vae=True)
        networks = {part: blueprint.network for part, blueprint in plan.parts.items()}
        return ModuleNames(Components(base, networks, {}, {}))


@pytest.mark.parametrize(("shapes", "kind", "base"), ready("lora"))
def test_every_tensor_of_an_adapter_that_is_ready_has_a_place_and_a_use(shapes: Shapes, kind: str, base: str) -> None:
    names = names_of("sd1" if base == "unknown" else base)
    modules: dict[object, set[str]] = {}
    for key in shapes:
        path, role = split(key) or (key, "")
        target = names.find(path)
        assert target is not None, key
        modules.setdefault(target, set()).add(role)
    for roles in modules.values():
        assert formulas.used(roles) == roles


@pytest.mark.parametrize("ending", sorted(ENDINGS.keys() - UNREAD.keys()))
def test_every_ending_that_is_recognised_is_read(ending: str) -> None:
    assert split(f"lora_unet_down_blocks_0_attentions_0_proj_in.{ending}") is not None


@pytest.mark.parametrize(("shapes", "kind", "base"), ready("embedding"))
def test_an_embedding_that_is_ready_is_read(shapes: Shapes, kind: str, base: str, tmp_path: Path) -> None:
    file = write(tmp_path / "word.safetensors", shapes)
    assert read_header(file).tensors
    vectors = load_embedding(entry_of(file, kind, base))
    assert vectors.keys() == ({"text_encoder", "text_encoder_2"} if base == "sdxl" else {"text_encoder"})


def test_every_family_is_among_the_fixtures() -> None:
    assert {param.values[2] for param in ready("checkpoint")} == FAMILIES.keys()  # type: ignore[attr-defined]
