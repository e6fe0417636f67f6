from pathlib import Path

import pytest

from sdtoolbox.training.restore import tables
from sdtoolbox.training.restore.measuring import OURS, Figures

COLUMNS: dict[str, Figures] = {
    "σ 15": {"means": [28.0, 30.0], "BM3D": [30.5, 33.5], OURS: [30.0, 33.0]},
    "σ 25": {"means": [25.0, 27.0], OURS: [28.0, 30.0]},
}


def test_a_table_says_what_ours_gains_over_each_with_its_interval() -> None:
    rows = tables.table(COLUMNS).splitlines()
    assert rows[0] == "| | σ 15 | σ 25 |"
    assert rows[2] == "| means | 29.00 (+2.50; +2.00 to +3.00) | 26.00 (+3.00; +3.00 to +3.00) |"
    assert rows[3] == "| BM3D | 32.00 (-0.50; -0.50 to -0.50) |  |"
    assert rows[4] == f"| {OURS} | **31.50** | **29.00** |"


def test_a_table_by_photograph() -> None:
    rows = tables.by_photograph(["cat", "cup"], COLUMNS, "means").splitlines()
    assert rows[2:] == ["| cat | 28.00 → 30.00 | 25.00 → 28.00 |", "| cup | 30.00 → 33.00 | 27.00 → 30.00 |"]


def test_only_what_lies_between_the_marks_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"before\n\n{tables.BEGIN}\nold\n{tables.END}\n\nafter\n", encoding="utf-8")
    for _ in range(2):
        tables.fill(document, "\nnew\n")
    assert document.read_text(encoding="utf-8") == f"before\n\n{tables.BEGIN}\nnew\n{tables.END}\n\nafter\n"
    document.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="put the two lines there"):
        tables.fill(document, "new")
