"""What a command shows while it works: a bar with the time left on a terminal, JSON lines for programs, or nothing.

rich counts what is done and estimates the time left and the frames a second, also where it draws no bar.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

import click

from cli.command import say
from codec.work.progress import Progress

ProgressKind = Literal["auto", "json", "none"]
_PERIOD = 3600.0  # seconds that rich's estimates look back
_SECONDS_BETWEEN = 0.2  # two JSON lines of one file
_SECONDS_BETWEEN_LINES = 30.0  # two lines in words


@dataclass(frozen=True)
class Count:
    """`done` frames, or another unit, of `total` (None: not known); or a benchmark's points, the last one `codec`'s."""

    done: int
    total: int | None
    unit: str = "frames"
    codec: str | None = None

    def facts(self, rate: float | None) -> dict[str, object]:
        """For JSON; `rate` is so many a second."""
        if self.codec is not None:
            return {"done": self.done, "total": self.total, "codec": self.codec}
        speed = "fps" if self.unit == "frames" else f"{self.unit}_per_second"
        return {self.unit: self.done, f"{self.unit}_total": self.total, speed: rate}

    def words(self, rate: float | None) -> str:
        """For a bar."""
        if self.codec is not None:
            return f"{self.done:,}/{self.total:,} ({self.codec})"
        count = f"{self.done}/{self.total} {self.unit}" if self.total else f"{self.done} {self.unit}"
        speed = "fps" if self.unit == "frames" else f"{self.unit}/s"
        return count if rate is None else f"{count}, {rate:.1f} {speed}"


class Display:
    """Hears how jobs go and shows lines only; `job` counts from 0, `share` is 0..1."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, job: int, name: str) -> None:
        """A file is taken up."""

    def advance(self, job: int, share: float | None, count: Count | None = None) -> None:
        """So much of it is done, None where that cannot be known; so many frames."""

    def end(self, job: int, name: str, status: int) -> None:
        """It is finished, with this exit status."""

    def say(self, line: str) -> None:
        """A line for stderr, kept apart from what else is shown there."""
        click.echo(line, err=True)

    def print(self, line: str) -> None:
        """A line for stdout."""
        click.echo(line)

    def callback(self, job: int = 0, unit: str = "frames") -> Callable[[int, int | None], None]:
        """What hears (frames done, frames in all; None or 0: not known), for the library's `progress=`.

        `unit` is what is counted where that is no frames: "steps", "tiles".
        """

        def heard(done: int, total: int | None) -> None:
            self.advance(job, min(done / total, 1.0) if total else None, Count(done, total or None, unit))

        return heard


class _Tracked(Display):
    """Counts by rich: the whole batch, files counting by their `weights`, and frames."""

    def __init__(self, weights: list[int], *, drawn: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        fields = [TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("file", "share", "count", "files")]
        self._progress = Progress(
            fields[0],
            BarColumn(),
            *fields[1:],
            TimeRemainingColumn(),
            console=Console(stderr=True, emoji=False),
            transient=True,
            disable=not drawn,
            speed_estimate_period=_PERIOD,
            # Lines for standard output stay there where that is no terminal.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._weights, self._shares = weights, [0.0] * len(weights)
        total = float(sum(weights))
        self._task = self._progress.add_task("", total=total, file="", share="", count="", files="")
        self._frames = self._progress.add_task("", total=None, visible=False)

    def begin(self, job: int, name: str) -> None:
        """See Display."""
        self._progress.advance(self._task, 0)  # rich takes the time
        self._progress.reset(self._frames, total=None)

    def advance(self, job: int, share: float | None, count: Count | None = None) -> None:
        """See Display. A share that is not known counts as before."""
        if share is not None:
            self._progress.advance(self._task, self._weights[job] * (share - self._shares[job]))
            self._shares[job] = share
        if count is not None:
            self._progress.update(self._frames, completed=count.done)

    def end(self, job: int, name: str, status: int) -> None:
        """See Display."""
        _Tracked.advance(self, job, 1.0)

    @property
    def whole(self) -> float:
        """Share of all jobs that is done."""
        task = self._progress.tasks[0]
        return min(max(task.completed / sum(self._weights), 0.0), 1.0)

    @property
    def seconds_left(self) -> float | None:
        """None while nothing is done."""
        return 0.0 if self.whole > 1 - 1e-9 else self._progress.tasks[0].time_remaining if self.whole else None

    @property
    def rate(self) -> float | None:
        """Frames a second; None: too early to say."""
        return self._progress.tasks[1].speed


class JsonLines(_Tracked):
    """One JSON object a line on stderr: file, share of it and of the whole, seconds left; at the end the status.

    Of videos also the frames done, those expected, and frames a second; what is not known is null.
    """

    _last = 0.0

    def begin(self, job: int, name: str) -> None:
        """See Display."""
        super().begin(job, name)
        self._print(event="begin", job=job, file=name)

    def advance(self, job: int, share: float | None, count: Count | None = None) -> None:
        """See Display."""
        super().advance(job, share, count)
        if time.monotonic() - self._last >= _SECONDS_BETWEEN:
            self._last = time.monotonic()
            self._print(event="progress", job=job, share=share, **({} if count is None else count.facts(self.rate)))

    def end(self, job: int, name: str, status: int) -> None:
        """See Display."""
        super().end(job, name, status)
        self._print(event="end", job=job, file=name, status=status)

    def say(self, line: str) -> None:
        """See Display."""
        click.echo(json.dumps({"event": "message", "text": line}), err=True)

    def _print(self, **facts: object) -> None:
        left = self.seconds_left
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in facts.items()}
        line = {**rounded, "whole": round(self.whole, 4), "seconds_left": None if left is None else round(left, 1)}
        click.echo(json.dumps(line), err=True)


class Bar(_Tracked):
    """A bar over the whole batch with files or frames done and time left; gone when the batch ends."""

    def __init__(self, weights: list[int]) -> None:
        super().__init__(weights, drawn=True)
        self._done = 0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, job: int, name: str) -> None:
        """See Display."""
        super().begin(job, name)
        self._progress.update(self._task, file=_shortened(name), count="", files=self._files())

    def advance(self, job: int, share: float | None, count: Count | None = None) -> None:
        """See Display. Of a single pipe, whose end nobody knows, there is no share to show."""
        super().advance(job, share, count)
        known = share is not None or len(self._weights) > 1
        self._progress.tasks[0].total = float(sum(self._weights)) if known else None
        words = "" if count is None else count.words(self.rate)
        self._progress.update(self._task, share=f"{self.whole:>4.0%}" if known else "", count=words)

    def end(self, job: int, name: str, status: int) -> None:
        """See Display."""
        super().end(job, name, status)
        self._done += 1
        whole = f"{self.whole:>4.0%}"
        self._progress.update(self._task, total=float(sum(self._weights)), share=whole, files=self._files())

    def say(self, line: str) -> None:
        """See Display."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _files(self) -> str:
        return f"{self._done}/{len(self._weights)}" if len(self._weights) > 1 else ""


class Lines(_Tracked):
    """Now and then a line of a long `command`, where there is no terminal."""

    def __init__(self, weights: list[int], command: str) -> None:
        super().__init__(weights)
        self._command, self._last = command, time.monotonic()

    def advance(self, job: int, share: float | None, count: Count | None = None) -> None:
        """See Display."""
        super().advance(job, share, count)
        if count is not None and time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last, left = time.monotonic(), self.seconds_left
            words = count.words(self.rate) + ("" if left is None else f", {timedelta(seconds=round(left))} left")
            say(self._command, words)


def shown(kind: ProgressKind, weights: list[int], *, quiet: bool = False, command: str | None = None) -> Display:
    """What suits the option, the terminal and `--quiet`; `weights` are the files' bytes.

    A long `command` shows a line now and then where there is no terminal.
    """
    if kind == "json":
        return JsonLines(weights)
    if kind == "none" or quiet:
        return Display()
    if sys.stderr is not None and sys.stderr.isatty():
        return Bar(weights)
    return Display() if command is None else Lines(weights, command)


class JobProgress(Progress):
    """What the library says of a job, for a display: a picture's share, or a video's frames through `of_frames`."""

    def __init__(self, show: Display | None = None, job: int = 0, tell: Callable[[str], None] = lambda _: None) -> None:
        self._heard = partial((show or Display()).advance, job)
        super().__init__(self._heard, tell)

    def of_frames(self) -> FrameProgress:
        """The same for a job whose steps are frames."""
        return FrameProgress(self._heard, self.tell)


class FrameProgress(Progress):
    """A Progress whose steps are frames; their number may be unknown."""

    def __init__(
        self,
        heard: Callable[[float | None, Count], None],
        tell: Callable[[str], None],
        start: float = 0.0,
        end: float = 1.0,
    ) -> None:
        super().__init__(None, tell)
        self._heard, self._start, self._end = heard, start, end

    def add(self, steps: int) -> None:
        """So many more are done, of `begin`'s, 0: not known."""
        self._done += steps
        total = max(self._total, self._done) if self._total else None  # what is expected may be too few
        share = None if total is None else self._start + (self._end - self._start) * self._done / total
        self._heard(share, Count(self._done, total))

    def within(self, start: float, end: float, *, tell: bool = True) -> Progress:
        """See Progress."""
        span = self._end - self._start
        told = self.tell if tell else lambda _: None
        return FrameProgress(self._heard, told, self._start + span * start, self._start + span * end)


def _shortened(name: str, most: int = 40) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return printable if len(printable) <= most else f"...{printable[3 - most :]}"
