"""The table in docs/samplers.md is made here; `python -m tests.engine.test_sampler_table` writes it anew."""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.settings import Settings
from tests.engine.test_samplers_against_diffusers import SCHEDULERS, difference
from tests.fakes import builtin_registries, gaussian
from tests.samplers.problems import ORDERS, order_of, run

PAGE = Path(__file__).parents[2] / "docs" / "samplers.md"
START, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
HEAD = (
    "| sampler | id | order | calls a step | fresh noise | options | reference | agreement |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
)
OTHER_REFERENCES = {
    "heunpp2": "order on Gaussian data",
    "dpmpp_2s_ancestral": "order, exact variance on Gaussian data",
    "dpmpp_sde": "order, exact variance on Gaussian data",
    "dpm_fast": "order, number of calls",
    "dpm_adaptive": "exact solution for Gaussian data, to its tolerance",
    "lms": "Adams-Bashforth weights, order",
    "ipndm": "order on Gaussian data",
    "restart": "exact variance on Gaussian data; Heun without restarts",
    "ddim_cfgpp": "DDIM where guidance is 1; exact variance",
}


def _noisy(function: Any) -> bool:
    asked = []

    def noise(a: float, b: float) -> torch.Tensor:
        asked.append(a)
        return torch.zeros(1, 1)

    run(function, torch.ones(1, 1), [10.0, 1.0, 0.05, 0.0], noise=noise)
    return bool(asked)


def _calls(function: Any) -> str:
    def count(steps: int) -> int:
        calls = []

        def denoise(x: Any, sigma: float) -> Any:
            calls.append(sigma)
            return gaussian(x, sigma)

        def alone(x: Any, sigma: float) -> Any:
            return gaussian(x, sigma)  # CFG++: served from the same call

        sigmas = [14.6 * (0.03 / 14.6) ** (i / (steps - 1)) for i in range(steps)] + [0.0]
        options = {"unconditional": alone} if function.__name__ == "ddim_cfgpp" else {}
        run(function, torch.ones(1, 1), sigmas, denoise, noise=lambda a, b: torch.zeros(1, 1), **options)
        return len(calls)

    if function.__name__ == "dpm_adaptive":
        return "own"
    more = count(45) - count(30)
    return f"{more / 15:.3g}" + (" + 18" if function.__name__ == "restart" else "")


def rows(model: LatentDiffusion) -> list[list[str]]:
    """One row a sampler, as the page has them."""
    found = []
    orders: dict[str, float] = {}
    for name, options, _ in ORDERS:
        orders.setdefault(name, order_of(name, options))
    for entry in builtin_registries().samplers:
        info = entry.value
        options = ", ".join(f"`{name}`" for name in info.options)
        agreement, reference = "", OTHER_REFERENCES.get(entry.id, "")
        if entry.id in SCHEDULERS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                measured = difference(entry.id, model)
            assert measured is not None
            agreement = f"{measured:.0e}"
            reference = "diffusers " + SCHEDULERS[entry.id][0].__name__
        order = f"{round(orders[entry.id])}" if entry.id in orders else ""
        noise = "yes" if _noisy(info.function) else "by option" if {"s_churn", "eta"} & {*info.options} else "no"
        found.append([entry.label, f"`{entry.id}`", order, _calls(info.function), noise, options, reference, agreement])
    return found


def page_rows() -> list[list[str]]:
    table = PAGE.read_text("utf-8").split(START)[1].split(END)[0].removeprefix(HEAD)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_page_says_what_is_so(tiny_model: LatentDiffusion) -> None:
    """All but the rounding of the last column is equal; the agreement is at least as good as the page says."""
    found, said = rows(tiny_model), page_rows()
    assert [row[:-1] for row in found] == [row[:-1] for row in said]
    for ours, page in zip(found, said, strict=True):
        assert bool(ours[-1]) == bool(page[-1])
        if ours[-1]:
            assert float(ours[-1]) < max(10 * float(page[-1]), 1e-5), ours[0]


def test_every_sampler_has_a_reference(tiny_model: LatentDiffusion) -> None:
    assert all(row[6] for row in page_rows())


def write() -> None:
    """Measure and write the table into the page."""
    from tests.tiny import write_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder) / "checkpoints" / "tiny")
        settings = Settings(home=Path(folder), device="cpu", threads=1)
        with ModelManager(Catalog([Path(folder)]), settings).lease("tiny") as model:
            lines = ["| " + " | ".join(row) + " |" for row in rows(model)]
    table = HEAD + re.sub(r" +", " ", "\n".join(lines)) + "\n"
    text = PAGE.read_text("utf-8")
    PAGE.write_text(text.split(START)[0] + START + table + END + text.split(END)[1], "utf-8")


if __name__ == "__main__":
    write()
