"""How long prompts take to be read: `python -m tests.benchmarks.bench_prompts`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.choices import Chance
from sdtoolbox.prompts.dynamic import expand
from sdtoolbox.prompts.grammar import parse
from sdtoolbox.prompts.plan import plan
from sdtoolbox.prompts.wildcards import Wildcards

LIMIT = 0.050  # seconds, for 10,000 brackets
TEXTS = {
    "10,000 open brackets": "(" * 10_000,
    "10,000 brackets, nested": "(" * 5_000 + "a" + ")" * 5_000,
    "5,000 alternations, nested": "[a|" * 5_000 + "]" * 5_000,
    "5,000 schedules": "[a:b:3]" * 5_000,
    "10,000 braces, nested": "{" * 5_000 + "a" + "}" * 5_000,
    "10,000 open braces": "{" * 10_000,
    "100,000 characters": "a red house, " * 7_692,
}


def best_of(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of processor time of the quickest of several runs."""
    found = []
    for _ in range(times):
        start = time.process_time()
        with suppress(UserError):
            work()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """Print a table; brackets above the limit are marked."""
    print(f"{'text':28} {'decide':>9} {'parse':>9} {'plan':>9}  (ms; limit {LIMIT * 1000:.0f} for brackets)")
    for name, text in TEXTS.items():
        decide = best_of(lambda text=text: expand(text, Chance("1"), Wildcards(None)))  # type: ignore[misc]
        read = best_of(lambda text=text: parse(text))  # type: ignore[misc]
        whole = best_of(lambda text=text: plan(text, 20))  # type: ignore[misc]
        slow = "  slow" if "brackets" in name and read > LIMIT else ""
        print(f"{name:28} {decide * 1000:9.1f} {read * 1000:9.1f} {whole * 1000:9.1f}{slow}")


if __name__ == "__main__":
    main()
