"""A run of `wisp bench rd` or `wisp bench video`: progress, results and what is made of them, tables, exit status."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import WispError
from cli.bench_table import print_bd_tables
from cli.progress import Count, Display, ProgressKind, shown

if TYPE_CHECKING:
    from benchmarks.rd.records import Absence, Failure
    from benchmarks.rd.run import Request
    from benchmarks.sources import Source


class RunShown:
    """Hears how a benchmark goes (benchmarks.rd.run.Listener) and shows it."""

    def __init__(self, show: Display, prefix: str = "") -> None:
        self._show, self._prefix = show, prefix
        self._total = self._count = 0
        self.failures = 0  # points that could not be made
        self._said: set[tuple[str, str]] = set()

    def absent(self, absence: Absence) -> None:
        """See Listener."""
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
        if finished:
            self._say(f"{finished:,} points are there already, {total:,} to do")

    def done(self, group: str, failures: Sequence[Failure]) -> None:
        """See Listener. The same trouble of a codec with other pictures and qualities is not said again."""
        self._count += 1
        self.failures += len(failures)
        for failure in failures:
            key = (failure.codec, failure.message)
            if key not in self._said:
                self._said.add(key)
                where = f"{failure.dataset}/{failure.image} at {failure.quality:g}"
                self._say(f"{failure.codec} failed on {where}: {failure.message}")
        self._show.advance(0, min(self._count / self._total, 1.0), Count(self._count, self._total, codec=group))

    def _say(self, message: str) -> None:
        self._show.say(self._prefix + message)


def run_and_report(
    request: Request, folder: Path, command: str, progress: ProgressKind, anchor: str, *, clips: bool = False
) -> None:
    """Make what `folder` lacks, then its outputs and tables. Raises WispError where a point failed, and as
    `run_benchmark`."""
    from benchmarks.rd.outputs import REPORT, make_folder, write_outputs
    from benchmarks.rd.run import run_benchmark

    make_folder(folder)
    with shown(progress, [1], command=command) as show:
        listener = RunShown(show, "" if progress == "json" else f"wisp: {command}: ")
        results = run_benchmark(request, folder, shlex.join(["wisp", *sys.argv[1:]]), listener)
    write_outputs(results, folder, anchor if clips else None)
    print_bd_tables(results, anchor)
    click.echo(f"report: {folder / REPORT}")
    if listener.failures:
        raise WispError(f"points that failed: {listener.failures}; the same command tries them again")
