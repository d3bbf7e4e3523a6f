"""How far a job has come, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """Passes the share that is done, 0..1, on to `report`, and the words of who has something to tell to `tell`."""

    def __init__(
        self, report: Callable[[float], None] | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._report, self._total, self._done, self.tell = report, 0, 0, tell

    def begin(self, total: int) -> None:
        """The job has `total` equal steps."""
        self._total, self._done = total, 0

    def add(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        if self._report is not None and self._total:
            self._report(min(self._done / self._total, 1.0))

    def within(self, start: float, end: float, *, tell: bool = True) -> Progress:
        """Of a part of the job: its 0..1 is `start`..`end` of this one, whose own steps are not counted then."""
        report, told = self._report, self.tell if tell else lambda _: None
        return Progress(None if report is None else lambda share: report(start + (end - start) * share), told)
