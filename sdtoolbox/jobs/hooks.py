"""Extensions' hooks, called so that none of them takes a door or a job down: what fails is left out and said."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from sdtoolbox.database import Database
from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.extensions.trial import in_words
from sdtoolbox.images.lending import lent, taken_back
from sdtoolbox.images.raster import Raster
from sdtoolbox.jobs.hook_times import FAILURES_IN_A_ROW, HookTime, HookTimes
from sdtoolbox.limited import limited
from sdtoolbox.registered import HookEvent, HookInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Job

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Request)
T = TypeVar("T")
SECONDS: Mapping[HookEvent, float] = {"request": 10.0, "picture": 120.0, "done": 10.0}
"""After which a hook is not waited for any longer: somebody looks at the form, a job has a worker, the next one waits.
"""


@dataclass(slots=True)
class Hooked(Generic[T]):
    """What became of something: `by` are the hooks that changed it, `warnings` say what was left out."""

    value: T
    by: list[Entry[HookInfo]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Hooks:
    """The hooks that are registered now. Safe to use from any thread."""

    def __init__(self, registries: Registries, database: Database) -> None:
        self._registries = registries
        self._times = HookTimes(database)

    def of(self, event: HookEvent) -> Sequence[Entry[HookInfo]]:
        """Those of one event, in the order in which they are called."""
        return [entry for entry in self._registries.hooks if entry.value.event == event]

    def on_request(self, request: R) -> Hooked[R]:
        """A request as somebody asked for it, changed by the hooks and valid; the UserError of one that refuses it."""
        hooked = Hooked(request)
        for entry in self.of("request"):
            asked = hooked.value
            # A copy: what a hook does to the lists in it counts only if it returns it.
            self._call(entry, (asked.model_copy(deep=True),), partial(_valid, asked), hooked)
        return hooked

    def on_picture(self, raster: Raster, request: Request) -> Hooked[Raster]:
        """A finished picture, changed by the hooks; the UserError of one that refuses it.

        A hook is lent 8 bits of it; what it leaves as it is keeps its depth.
        """
        hooked = Hooked(raster)
        for entry in self.of("picture"):
            before = hooked.value
            shown = lent(before)
            self._call(entry, (shown.copy(), request), partial(taken_back, before, shown), hooked)
        return hooked

    def on_done(self, job: Job) -> None:
        """A job that has ended, told to the hooks; nothing that they raise changes it."""
        for entry in self.of("done"):
            told: Hooked[Job] = Hooked(job)
            try:
                self._call(entry, (job.model_copy(deep=True),), lambda _: None, told)
            except UserError as error:
                log.warning("the hook %s refuses job %d, which has ended: %s", entry.label, job.number, error)

    def times(self) -> list[HookTime]:
        """How often each hook was called, how long it took, how often it failed; in the order of registration."""
        return [self._times.of(entry) for entry in self._registries.hooks]

    def forgive(self) -> None:
        """Give the hooks that are skipped another chance."""
        self._times.forgive()

    def _call(
        self, entry: Entry[HookInfo], given: tuple[Any, ...], check: Callable[[Any], T | None], hooked: Hooked[T]
    ) -> None:
        """Call one hook, unless it is skipped; what `check` makes of its answer takes the place of `hooked.value`."""
        name = f"the hook {entry.id.rpartition('.')[2]} of the extension {entry.owner}"
        if self._times.of(entry).skipped:
            hooked.warnings.append(f"{name} failed {FAILURES_IN_A_ROW} times in a row and is left out.")
            return
        began, failure = time.perf_counter(), ""
        try:
            changed = check(limited(entry.value.function, given, SECONDS[entry.value.event]))
        except UserError:
            raise
        except (Exception, SystemExit) as error:  # whatever an author's hook does, the job goes on
            log.exception("%s failed", name)
            failure = in_words(error)
            hooked.warnings.append(f"{name} failed ({type(error).__name__}): its change is left out.")
        else:
            if changed is not None:
                hooked.value = changed
                hooked.by.append(entry)
        finally:
            self._times.add(entry, time.perf_counter() - began, failure)


def _valid(asked: R, got: Any) -> R | None:
    """The request that a hook returned, as valid as one that came through a door; None if it changes nothing."""
    if got is None:
        return None
    if type(got) is not type(asked):
        raise TypeError(f"it returned {type(got).__name__} in place of {type(asked).__name__} or None")
    try:
        changed = type(asked).parse(got.model_dump(mode="json", warnings=False))
    except InvalidRequest as error:  # the hook's mistake, not that of whoever asked
        raise ValueError(f"it returned a request that is not valid: {error}") from None
    return None if changed == asked else changed
