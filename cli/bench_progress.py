"""What a benchmark shows while it runs: a bar with the time left, JSON lines, or now and then a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.command import say

if TYPE_CHECKING:
    from rich.progress import Progress

    from benchmarks.rd.records import Absence, Failure
    from benchmarks.sources import Source

_SECONDS_BETWEEN = 30.0  # two lines where there is no terminal


def spoken(seconds: float | None) -> str:
    """A time left in words."""
    if seconds is None:
        return ""
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s left"
    return f"{minutes:.0f} min left" if minutes < 120 else f"{minutes / 60:.1f} h left"


class RunShown:
    """Hears how a benchmark goes (benchmarks.rd.run.Listener) and shows it on standard error."""

    def __init__(self, kind: str, command: str) -> None:
        self._kind, self._command = kind, command
        self._total = self._count = 0
        self.failures = 0  # points that could not be made
        self._told_of: set[tuple[str, str]] = set()
        self._told = time.monotonic()
        self._bar: Progress | None = None
        if kind == "auto" and sys.stderr is not None and sys.stderr.isatty():
            self._bar = self._new_bar()

    @staticmethod
    def _new_bar() -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        ]
        return Progress(*columns, console=Console(stderr=True, emoji=False), transient=True)

    def __enter__(self) -> RunShown:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def absent(self, absence: Absence) -> None:
        """A line of its own, in any case."""
        self._say(f"absent: {absence.title}: {absence.reason}; {absence.remedy}")

    def noted(self, source: Source, note: str) -> None:
        """See Listener."""
        self._say(f"note: {source.path or source.name}: {note}")

    def left_out(self, source: Source, reason: str) -> None:
        """See Listener."""
        self._say(f"left out: {source.path or source.name}: {reason}")

    def begin(self, total: int, finished: int) -> None:
        """See Listener."""
        self._total = total
        if finished and self._kind != "json":
            self._say(f"{finished:,} points are there already, {total:,} to do")
        if self._bar is not None:
            self._task = self._bar.add_task("", total=total, left="")

    def done(self, group: str, failures: Sequence[Failure], seconds_left: float | None) -> None:
        """See Listener."""
        self._count += 1
        self.failures += len(failures)
        for failure in failures:
            self._tell_once(failure)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._count, description=group, left=spoken(seconds_left))
        elif self._kind != "none" and time.monotonic() - self._told > _SECONDS_BETWEEN:
            self._told = time.monotonic()
            self._tell(group, seconds_left)

    def _tell_once(self, failure: Failure) -> None:
        """The same trouble of a codec at other qualities and with other pictures is not told again."""
        key = (failure.codec, failure.message)
        if key not in self._told_of:
            self._told_of.add(key)
            where = f"{failure.dataset}/{failure.image} at {failure.quality:g}"
            self._say(f"{failure.codec} failed on {where}: {failure.message}")

    def _tell(self, group: str, seconds_left: float | None) -> None:
        if self._kind == "json":
            left = None if seconds_left is None else round(seconds_left)
            facts = {
                "event": "progress",
                "done": self._count,
                "total": self._total,
                "codec": group,
                "seconds_left": left,
            }
            click.echo(json.dumps(facts), err=True)
        else:
            told = [f"{self._count:,} of {self._total:,} ({group})", spoken(seconds_left)]
            self._say(", ".join(filter(None, told)))

    def _say(self, message: str) -> None:
        if self._bar is not None:
            self._bar.console.print(f"wisp: {self._command}: {message}", markup=False, highlight=False, soft_wrap=True)
        elif self._kind == "json":
            click.echo(json.dumps({"event": "message", "text": message}), err=True)
        else:
            say(self._command, message)
