"""Figures as Markdown: tables of PSNR by method, each rival with what the network gains over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sdtoolbox.training.restore.measuring import OURS, Figures, gain

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def table(columns: Mapping[str, Figures]) -> str:
    """Methods down, `columns` across; a cell is a mean PSNR in dB and what ours gains over it, with its interval."""
    methods = list(dict.fromkeys(method for figures in columns.values() for method in figures if method != OURS))
    rows = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for method in methods:
        rows.append(f"| {method} | " + " | ".join(_cell(figures, method) for figures in columns.values()) + " |")
    ours = (f"**{np.mean(figures[OURS]):.2f}**" for figures in columns.values())
    return "\n".join([*rows, f"| {OURS} | " + " | ".join(ours) + " |"])


def _cell(figures: Figures, method: str) -> str:
    if method not in figures:
        return ""
    more, low, high = gain(figures[OURS], figures[method])
    return f"{np.mean(figures[method]):.2f} ({more:+.2f}; {low:+.2f} to {high:+.2f})"


def by_photograph(names: list[str], columns: Mapping[str, Figures], rival: str) -> str:
    """Photographs down; PSNR of a rival and of ours for each column."""
    rows = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for number, name in enumerate(names):
        cells = (f"{figures[rival][number]:.2f} → {figures[OURS][number]:.2f}" for figures in columns.values())
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def fill(document: Path, text: str) -> None:
    """Puts `text` between the two marks of a document; ValueError where it has none."""
    whole = document.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no {BEGIN} … {END} to write the figures between: put the two lines there.")
    document.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")
