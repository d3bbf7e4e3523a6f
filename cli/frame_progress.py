"""How far a video has come: frames done, frames in all where that is known, frames a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from codec.work.progress import Progress

_WINDOW = 10.0  # seconds over which the frames a second are counted
_LEAST = 0.2  # seconds between two marks in it


@dataclass(frozen=True)
class Frames:
    """`done` frames of `total` (None: not known), `fps` of them a second lately (None: too early to say)."""

    done: int
    total: int | None
    fps: float | None

    def facts(self) -> dict[str, object]:
        """For JSON."""
        return {"frames": self.done, "frames_total": self.total, "fps": self.fps}

    def __str__(self) -> str:
        count = f"{self.done}/{self.total} frames" if self.total else f"{self.done} frames"
        return count if self.fps is None else f"{count}, {self.fps:.1f} fps"


Heard: TypeAlias = "Callable[[float | None, Frames | None], None]"  # the share that is done, None where not known


class JobProgress(Progress):
    """Passes on what a job says of itself: a picture's share, or a video's share and frames through `of_frames`."""

    def __init__(
        self,
        heard: Heard = lambda _, __: None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(lambda share: heard(share, None), tell)
        self._heard = heard

    def of_frames(self) -> FrameProgress:
        """The same for a job whose steps are frames."""
        return FrameProgress(self._heard, self.tell)


class FrameProgress(Progress):
    """A Progress whose steps are frames; their number may be unknown."""

    def __init__(
        self, heard: Heard, tell: Callable[[str], None] = lambda _: None, start: float = 0.0, end: float = 1.0
    ) -> None:
        super().__init__(None, tell)
        self._heard, self._start, self._end = heard, start, end
        self._expected, self._passed = 0, 0
        self._marks: deque[tuple[float, int]] = deque()

    def begin(self, total: int) -> None:
        """There are `total` frames, 0: not known."""
        self._expected, self._passed = total, 0
        self._marks.clear()

    def add(self, steps: int) -> None:
        """So many more are done."""
        self._passed += steps
        total = max(self._expected, self._passed) if self._expected else None  # what is expected may be too few
        share = None if total is None else self._start + (self._end - self._start) * self._passed / total
        self._heard(share, Frames(self._passed, total, self._rate()))

    def within(self, start: float, end: float, *, tell: bool = True) -> Progress:
        """See Progress."""
        span = self._end - self._start
        told = self.tell if tell else lambda _: None
        return FrameProgress(self._heard, told, self._start + span * start, self._start + span * end)

    def _rate(self) -> float | None:
        now = time.monotonic()
        if not self._marks or now - self._marks[-1][0] >= _LEAST:
            self._marks.append((now, self._passed))
            while len(self._marks) > 2 and now - self._marks[1][0] > _WINDOW:
                self._marks.popleft()
        first, count = self._marks[0]
        return (self._passed - count) / (now - first) if self._passed > count and now > first else None
