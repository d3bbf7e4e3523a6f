"""How long a run will yet take, when its parts are of very different speed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import mean


class TimeLeft:
    """Items of several groups, each done in turn within its group, several groups at a time."""

    def __init__(self, counts: Mapping[str, int], workers: int) -> None:
        self._left = dict(counts)
        self._workers = workers
        self._spent: dict[str, list[float]] = {}
        self._last: dict[str, float] = {}
        self._start = time.monotonic()

    def done(self, group: str) -> None:
        """One more item of `group` is."""
        now = time.monotonic()
        before = self._last.get(group)
        if before is None:  # it may have waited for its turn: only what came between two items counts
            self._last[group] = now
        else:
            self._spent.setdefault(group, []).append(now - before)
            self._last[group] = now
        self._left[group] -= 1

    @property
    def seconds(self) -> float | None:
        """Of work that is left, over the workers, but no less than the longest group takes, whose items are done in
        turn; a group not yet begun counts as the mean of the others. None as long as nothing is known."""
        rates = {group: mean(seconds) for group, seconds in self._spent.items()}
        if not rates:
            return None
        usual = mean(rates.values())
        seconds = [left * rates.get(group, usual) for group, left in self._left.items()]
        return max(sum(seconds) / self._workers, *seconds)
