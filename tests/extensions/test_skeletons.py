"""What `extensions new` writes works as it stands, under its own name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.finding import find
from sdtoolbox.extensions.manifest import read_manifest
from sdtoolbox.extensions.skeletons import KINDS, skeleton, write_skeleton
from sdtoolbox.testing import check_extension


@pytest.mark.parametrize("kind", KINDS)
def test_each_works_and_is_documented(kind: str, tmp_path: Path) -> None:
    file, test = write_skeleton(kind, f"fine_{kind}", tmp_path)
    text = file.read_text()
    assert f"my_{kind}" not in text and "my_thing" not in text.partition('"""\n')[2]
    manifest = read_manifest(text)
    assert (manifest.api, manifest.version) == (1, "0.1")
    assert manifest.description.startswith(f"Fine {kind.replace('_', ' ')}: ")
    assert len(text.partition('"""\n')[0].split("\n")) > 3, "no words on how it works"
    check_extension(file)
    assert [one.name for one in find((tmp_path,)) if one.file is not None] == [f"fine_{kind}"]
    names: dict[str, object] = {"__file__": str(test)}
    exec(compile(test.read_text(), str(test), "exec", dont_inherit=True), names)
    assert names["FILE"] == file and "test_it_keeps_what_it_promises" in names


def test_its_names_are_its_own() -> None:
    text = skeleton("task", "two_by_two")
    assert "class TwoByTwo(Request)" in text and 'task: ClassVar[str] = "two_by_two"' in text
    assert 'ext.task(TwoByTwo, run, label="Two by two")' in text


@pytest.mark.parametrize("name", ["", "Mine", "1st", "a-b", "../up", "class", "tests", "_mine", "x" * 41])
def test_names_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        write_skeleton("sampler", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["mine.py", "mine", "tests/test_mine.py"])
def test_nothing_is_written_over(there: str, tmp_path: Path) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("precious")
    with pytest.raises(UserError, match="is there already"):
        write_skeleton("sampler", "mine", tmp_path)
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["precious"]
