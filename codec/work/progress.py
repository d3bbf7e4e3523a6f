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


class Percent(Progress):
    """Passes on (done, 100), of a picture."""

    def __init__(self, heard: Callable[[int, int], None] | None) -> None:
        super().__init__(None if heard is None else lambda share: heard(round(100 * share), 100))


class FrameCount(Progress):
    """Passes on (done, total) in frames; a total of 0 is not known."""

    def __init__(self, heard: Callable[[int, int], None] | None) -> None:
        super().__init__()
        self._heard = heard

    def add(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        if self._heard is not None:
            self._heard(self._done, self._total and max(self._total, self._done))  # what is expected may be too few

    def within(self, start: float, end: float, *, tell: bool = True) -> Progress:
        """The same: each pass counts its own."""
        return self
