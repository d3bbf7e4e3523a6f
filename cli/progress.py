"""What a command shows while it works: a bar with the time left on a terminal, JSON lines for programs, or nothing."""

from __future__ import annotations

import json
import sys
import time
from typing import Literal, Protocol

import click

from cli.frame_progress import Frames

ProgressKind = Literal["auto", "json", "none"]
_SECONDS_BETWEEN = 0.2  # two JSON lines of one file


class Shown(Protocol):
    """Hears how a batch goes; `job` counts from 0, `share` is 0..1."""

    def __enter__(self) -> Shown: ...

    def __exit__(self, *_: object) -> None: ...

    def begin(self, job: int, name: str) -> None:
        """A file is taken up."""

    def advance(self, job: int, share: float | None, frames: Frames | None = None) -> None:
        """So much of it is done, None where that cannot be known; of a video, so many frames."""

    def end(self, job: int, name: str, status: int) -> None:
        """It is finished, with this exit status."""

    def say(self, line: str) -> None:
        """A line for stderr, kept apart from what else is shown there."""

    def print(self, line: str) -> None:
        """A line for stdout."""


class Nothing:
    """Shows lines only."""

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, job: int, name: str) -> None:
        """See Shown."""

    def advance(self, job: int, share: float | None, frames: Frames | None = None) -> None:
        """See Shown."""

    def end(self, job: int, name: str, status: int) -> None:
        """See Shown."""

    def say(self, line: str) -> None:
        """See Shown."""
        click.echo(line, err=True)

    def print(self, line: str) -> None:
        """See Shown."""
        click.echo(line)


class _Weights:
    """Share of the whole batch that is done, files counting by their bytes; and the seconds left by it."""

    def __init__(self, weights: list[int]) -> None:
        self._weights, self._shares = weights, [0.0] * len(weights)
        self._total, self._done = sum(weights), 0.0
        self._start = time.monotonic()

    def set(self, job: int, share: float | None) -> float:
        """-> share of the whole; a share that is not known counts as before."""
        if share is not None:
            self._done += self._weights[job] * (share - self._shares[job])
            self._shares[job] = share
        return min(max(self._done / self._total, 0.0), 1.0)

    def seconds_left(self, share: float) -> float | None:
        """None while nothing is done."""
        return (time.monotonic() - self._start) * (1 - share) / share if share else None


class JsonLines(Nothing):
    """One JSON object a line on stderr: file, share of it and of the whole, seconds left; at the end the status.

    Of videos also the frames done, those expected, and frames a second; what is not known is null.
    """

    def __init__(self, weights: list[int]) -> None:
        self._weights, self._last = _Weights(weights), 0.0

    def advance(self, job: int, share: float | None, frames: Frames | None = None) -> None:
        """See Shown."""
        whole = self._weights.set(job, share)
        if time.monotonic() - self._last >= _SECONDS_BETWEEN:
            self._last = time.monotonic()
            of_frames = {} if frames is None else frames.facts()
            self._print(whole, event="progress", job=job, share=share, **of_frames)

    def end(self, job: int, name: str, status: int) -> None:
        """See Shown."""
        self._print(self._weights.set(job, 1.0), event="end", job=job, file=name, status=status)

    def begin(self, job: int, name: str) -> None:
        """See Shown."""
        self._print(self._weights.set(job, 0.0), event="begin", job=job, file=name)

    def say(self, line: str) -> None:
        """See Shown."""
        click.echo(json.dumps({"event": "message", "text": line}), err=True)

    def _print(self, whole: float, **facts: object) -> None:
        left = self._weights.seconds_left(whole)
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in facts.items()}
        line = {**rounded, "whole": round(whole, 4), "seconds_left": None if left is None else round(left, 1)}
        click.echo(json.dumps(line), err=True)


class Bar(Nothing):
    """A bar over the whole batch with files or frames done and time left, drawn by rich; gone when the batch ends."""

    def __init__(self, weights: list[int]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._weights, self._count, self._done = _Weights(weights), len(weights), 0
        columns = [
            TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("file", "share", "frames", "files")
        ]
        self._progress = Progress(
            columns[0],
            BarColumn(),
            *columns[1:],
            TimeRemainingColumn(),
            console=Console(stderr=True, emoji=False),
            transient=True,
            # Lines for standard output stay there where that is no terminal.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._task = self._progress.add_task("", total=1.0, file="", share="", frames="", files="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, job: int, name: str) -> None:
        """See Shown."""
        self._progress.update(self._task, file=_shortened(name), frames="", files=self._files())

    def advance(self, job: int, share: float | None, frames: Frames | None = None) -> None:
        """See Shown."""
        self._show(self._weights.set(job, share), known=share is not None or self._count > 1)
        self._progress.update(self._task, frames="" if frames is None else str(frames))

    def end(self, job: int, name: str, status: int) -> None:
        """See Shown."""
        self._done += 1
        self._show(self._weights.set(job, 1.0))
        self._progress.update(self._task, files=self._files())

    def say(self, line: str) -> None:
        """See Shown."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _show(self, whole: float, *, known: bool = True) -> None:
        """Of a single pipe, whose end nobody knows, there is no share to show."""
        if known:
            self._progress.update(self._task, total=1.0, completed=whole, share=f"{whole:>4.0%}")
        else:
            self._progress.tasks[0].total = None
            self._progress.update(self._task, share="")

    def _files(self) -> str:
        return f"{self._done}/{self._count}" if self._count > 1 else ""


def _shortened(name: str, most: int = 40) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return printable if len(printable) <= most else f"...{printable[3 - most :]}"


def shown(kind: ProgressKind, weights: list[int], *, quiet: bool) -> Shown:
    """What suits the option, the terminal and `--quiet`; `weights` are the files' bytes."""
    if kind == "json":
        return JsonLines(weights)
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return Bar(weights) if kind == "auto" and on_terminal and not quiet else Nothing()
