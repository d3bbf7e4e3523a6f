"""Several at a time: processes, each with its own networks, for Python's lock would make threads take turns.

Every process has a pipe of its own and one item at a time: where one is killed, only what it worked on is lost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from typing import Generic, TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")

TERMINATED = 143
_SECONDS_BETWEEN = 0.2  # two signals to one process


def in_processes(
    function: Callable[[_In], _Out], items: Sequence[_In], workers: int, begin: Callable[[int], None]
) -> Generator[tuple[int, _Out | None], None, None]:
    """(index, result) of every item, as they come; None where the process ended before it had one.

    `function`, items and results are picklable; what `function` raises is raised here. `begin` hears which item
    is handed out. Close the generator to end the processes early.
    """
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    left = iter(enumerate(items))
    started: list[_Lane[_In, _Out]] = []
    busy: dict[object, _Lane[_In, _Out]] = {}

    def start_next(lane: _Lane[_In, _Out] | None) -> None:
        for index, item in left:
            begin(index)
            if lane is None:
                lane = _Lane(context, function)
                started.append(lane)
            busy[lane.pipe] = lane
            lane.give(index, item)
            return
        if lane is not None:
            lane.pipe.close()  # nothing is left to do: it ends

    try:
        for _ in range(workers):
            start_next(None)
        while busy:
            for pipe in wait(list(busy)):  # type: ignore[arg-type]  # they are connections
                lane = busy.pop(pipe)
                answer = lane.answer()
                yield lane.index, answer
                start_next(lane if answer is not None else None)
    except BaseException:
        for lane in started:
            lane.process.terminate()
        for lane in started:
            lane.stop()
        raise
    finally:
        for lane in started:
            lane.pipe.close()
            lane.process.join()


class _Lane(Generic[_In, _Out]):
    """One process, and the item it works on."""

    def __init__(self, context: SpawnContext, function: Callable[[_In], _Out]) -> None:
        self.pipe, theirs = context.Pipe()
        # A daemon is ended with us, wherever we are interrupted.
        self.process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        _start_deaf(self.process.start)
        theirs.close()  # so that both ends hear when the other is gone
        self.index = -1

    def give(self, index: int, item: _In) -> None:
        self.index = index
        with suppress(OSError):  # it is gone already: `answer` will tell
            self.pipe.send(item)

    def answer(self) -> _Out | None:
        try:
            result = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def stop(self) -> None:
        """Again and again: a signal that comes just before a system call is heard only after it."""
        while self.process.is_alive():
            self.process.terminate()
            self.process.join(_SECONDS_BETWEEN)


def _start_deaf(start: Callable[[], None]) -> None:
    """Start a process that does not hear what a terminal sends to all: it ends when we do, or say so."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        start()
        return
    unheard = {signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, unheard)  # which the process inherits
    try:
        resource_tracker.ensure_running()  # once; it unblocks SIGINT
        signal.pthread_sigmask(signal.SIG_BLOCK, unheard)
        start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the process


def _serve(pipe: Connection, function: Callable[[_In], _Out]) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            break
        result: _Out | Exception
        try:
            result = function(item)
        except Exception as error:
            result = error
        pipe.send(result)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to clean up


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough, and more would disturb what follows
    raise SystemExit(TERMINATED)  # so that temporary files are removed on the way out


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        while True:  # as in `stop`
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_BETWEEN)
