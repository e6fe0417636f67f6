"""What a check of an extension found, and how checks are made that no author's mistake can end."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import LARGEST, Option, OptionValue

Look: TypeAlias = "Callable[[Entry[Any]], str]"
"""look(entry): what was measured, in words. It raises `PromiseError`, or whatever the author's code does."""


class PromiseError(Exception):
    """Something that is promised does not hold; the text says what and how to mend it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `said` is what was measured, or what is wrong; `details` a traceback if any."""

    subject: str  # "sampler My sampler"
    name: str
    passed: bool
    said: str = ""
    details: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.subject}: {self.name}{': ' if self.said else ''}{self.said}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def attempt(subject: str, name: str, look: Callable[[], str]) -> Check:
    """A check, whatever the author's code does meanwhile."""
    try:
        return Check(subject, name, True, look())
    except PromiseError as error:
        return Check(subject, name, False, str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of an author who wants to hear of it
        said = f"it raises {type(error).__name__}: {error}"[:500]
        return Check(subject, name, False, said, "".join(traceback.format_exception(error)))


def looked_at(subject: str, entry: Entry[Any], looks: Mapping[str, Look]) -> Iterator[Check]:
    """A check for each of `looks`."""
    for name, look in looks.items():
        yield attempt(subject, name, lambda look=look: look(entry))  # type: ignore[misc]


def extremes(options: Mapping[str, Option]) -> Iterator[tuple[str, OptionValue]]:
    """Each option with each value at the ends of what it allows: bounds, choices, true and false."""
    for name, option in options.items():
        if isinstance(option.default, bool):
            yield from ((name, value) for value in (False, True))
        elif isinstance(option.default, str):
            yield from ((name, value) for value in option.choices)
        else:
            ends = (end for end in (option.minimum, option.maximum) if abs(end) < LARGEST)
            yield from ((name, type(option.default)(end)) for end in ends)


def at_each_end(options: Mapping[str, Option], look: Callable[[dict[str, Any]], Any]) -> str:
    """Call `look({name: value})` for each of `extremes`; says how many there were. `PromiseError` names the value."""
    found = list(extremes(options))
    for name, value in found:
        try:
            look({name: value})
        except PromiseError as error:
            raise PromiseError(f"with {name}={value} {error}") from None
    loose = [name for name, one in options.items() if _is_number(one) and max(-one.minimum, one.maximum) >= LARGEST]
    remark = f", and numbers without Limits: {', '.join(loose)}" if loose else ""
    return f"{len(found)} values of {', '.join(options)}{remark}" if options else "it has none"


def _is_number(option: Option) -> bool:
    return not isinstance(option.default, bool | str)
