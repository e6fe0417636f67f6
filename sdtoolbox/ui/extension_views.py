"""What the Extensions tab is told: how each extension fares, and what comes of switching one; small JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.loading import Report
from sdtoolbox.jobs.hook_times import HookTime
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import read

Json = dict[str, Any]
Change = Callable[[Callable[[], None]], None]
"""Lets a function change the extensions, then brings the pages up to it; UserError if either cannot be."""
DETAILS = 20_000  # characters of a traceback that are sent: its end, where the reason is
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\\/:*?\"'<>|\n]+[\\/])+")


class Switch(BaseModel):
    """One extension, and whether it is to be on."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field("", max_length=200)
    on: bool = True


class ExtensionViews:
    """The functions that the tab's script calls.

    `failed` are the tabs that could not be built: the extension, and what it raised in words and as a traceback. On a
    `shared` server nobody may change anything, and nobody is told where files lie.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        texts: Texts,
        *,
        change: Change,
        failed: Sequence[tuple[str, str, str]] = (),
        shared: bool = False,
    ) -> None:
        self.toolbox = toolbox
        self.texts = texts
        self.change = change
        self.failed = tuple(failed)
        self.shared = shared

    def functions(self) -> list[Callable[[Any], Json]]:
        """They as plain functions under the names that the script calls them by."""

        def extensions(_asked: Any) -> Json:
            return self.all()

        def switch(asked: Any) -> Json:
            wanted = read(Switch, asked)
            return self._changed(lambda: self.toolbox.switch_extension(wanted.name, on=wanted.on))

        def reload(_asked: Any) -> Json:
            return self._changed(self.toolbox.reload_extensions)

        return [extensions, switch, reload]

    def all(self) -> Json:
        """Every extension that was found, and what stands above the list."""
        safe = self.toolbox.settings.safe_mode
        times = self.toolbox.hook_times()
        rows = [self.row(report, times) for report in self.toolbox.reports]
        return {
            "safe_mode": safe,
            "editable": not (self.shared or safe),
            "rows": sorted(rows, key=lambda row: not row["problems"]),  # trouble first
        }

    def row(self, report: Report, times: Iterable[HookTime] = ()) -> Json:
        """One extension; all of it is text."""
        problems = [(report.reason, report.details)] if report.state == "quarantined" else []
        problems += [(said, trace) for owner, said, trace in self.failed if owner == report.name]
        place = "shipped" if report.shipped else "package" if report.installed else "file"
        return {
            "name": report.name,
            "version": report.version,
            "description": report.description,
            "place": self.texts(f"extensions.place.{place}", place=report.place),
            "adds": [self._worded(added) for added in report.adds],
            "milliseconds": round(report.seconds * 1000),
            "state": report.state,
            "state_label": self.texts(f"extensions.state.{report.state}"),
            "problems": [self._problem(said, trace) for said, trace in problems],
            "hooks": [self._hook(one) for one in times if one.extension == report.name and one.calls],
        }

    def _problem(self, said: str, trace: str) -> Json:
        if self.shared:
            return {"reason": sentence(without_folders(said)), "details": ""}
        return {"reason": sentence(said), "details": trace[-DETAILS:]}

    def _hook(self, time: HookTime) -> Json:
        failure = without_folders(time.last_failure) if self.shared else time.last_failure
        return {
            "name": time.hook,
            "calls": time.calls,
            "milliseconds": round(time.seconds / time.calls * 1000, 1),
            "failures": time.failures,
            "failure": failure,
            "skipped": time.skipped,
        }

    def _worded(self, added: str) -> str:
        """ "sampler Ralston" in the page's language, where it has a word for the kind."""
        nouns = (registry.noun for registry in self.toolbox.registries.by_name().values())
        noun = next((noun for noun in nouns if added.startswith(f"{noun} ")), "")
        word = self.texts.get(f"extensions.noun.{noun.replace(' ', '_')}", noun)
        return word + added.removeprefix(noun)

    def _changed(self, action: Callable[[], None]) -> Json:
        try:
            if self.shared:
                said = "this server is shared: its extensions are its owner's."
                raise UserError("FORBIDDEN", said, "Ask whoever runs it.")
            self.change(action)
        except UserError as error:
            return {"problem": sentence(str(error))}
        return {"problem": ""}


def without_folders(text: str) -> str:
    """A text with the folders of absolute paths cut off; files keep their names."""
    return _FOLDERS.sub("…/", text)
