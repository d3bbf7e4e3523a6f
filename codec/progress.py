"""How far a job has come, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """Passes the share that is done, 0..1, on to `report`."""

    def __init__(self, report: Callable[[float], None] | None = None) -> None:
        self._report, self._total, self._done = report, 0, 0

    def begin(self, total: int) -> None:
        """The job has `total` equal steps."""
        self._total, self._done = total, 0

    def add(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        if self._report is not None and self._total:
            self._report(min(self._done / self._total, 1.0))
