"""Ctrl-C and its like during a video: the first brings the work to an end, the second breaks it off."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALLED = 128  # and the signal's number: the status of a program that a signal ended
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_ONE_PRESS = 0.5  # seconds: a terminal and a program that passes signals on may both send one


class Stop:
    """Whether to go on, and what became of it. Called, it says whether to; from then on it may be said to stop.

    Before, there is nothing yet that could be finished: a signal does what it always does.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell, self._begun, self._time = tell, False, 0.0
        self._before: dict[int, Any] = {}
        self.number = 0  # of the signal that came

    def __call__(self) -> bool:
        """Whether to go on."""
        self._begun = True
        return not self.number

    @property
    def status(self) -> int:
        """The exit status of a program that the signal ended, 0 where none came."""
        return SIGNALLED + self.number if self.number else 0

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """Hear signals within; those that are ignored stay so."""
        if threading.current_thread() is not threading.main_thread():  # only that one may
            yield self
            return
        numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._heard) for number in heard}
        try:
            yield self
        finally:
            for number, before in self._before.items():
                signal.signal(number, before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if not self._begun:
            self._as_always(number, frame)
        elif not self.number:
            self.number, self._time = number, time.monotonic()
            # By another thread: this one may be in the middle of a line.
            threading.Thread(target=self._tell, daemon=True).start()
        elif not self._same_press():
            self._as_always(number, frame)

    def _same_press(self) -> bool:
        """Whether a further signal is part of the first."""
        return _is_worker() or time.monotonic() - self._time < _ONE_PRESS

    def _as_always(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        signal.signal(number, before)
        if callable(before):
            before(number, frame)
        else:
            os.kill(os.getpid(), number)


def _is_worker() -> bool:
    """One of several processes, whose parent says again and again that it is to end."""
    return multiprocessing.parent_process() is not None
