"""Several at a time: processes, each with its own networks, for Python's lock would make threads take turns.

Every process has a pipe of its own and one item at a time: where one is killed, only what it worked on is lost.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from typing import Generic, TypeVar

from bitstream.errors import LimitError

_In = TypeVar("_In")
_Out = TypeVar("_Out")

TERMINATED = 143
_SECONDS_BETWEEN = 0.2  # two signals to one process
_PATIENCE = 10.0  # seconds that a process has for its end, before it is killed


def in_processes(
    function: Callable[[_In], _Out], items: Sequence[_In], workers: int, begin: Callable[[int], None]
) -> Generator[tuple[int, _Out | None], None, None]:
    """(index, result) of every item, as they come; None where the process ended before it had one.

    `function`, items and results are picklable; what `function` raises is raised here. `begin` hears which item
    is handed out. Close the generator to end the processes early.
    """
    shared = iter(enumerate(items))
    return _in_processes(function, iter([shared] * workers), workers, begin)


def in_order(function: Callable[[_In], _Out], items: Sequence[_In], workers: int) -> Generator[_Out, None, None]:
    """Results in the order of the items, by `in_processes`, or by this process where `workers` is 0.

    Raises LimitError where a process was killed.
    """
    if not workers:
        yield from map(function, items)
        return
    early: dict[int, _Out] = {}  # what came before its turn
    turn = 0
    with closing(in_processes(function, items, workers, lambda _: None)) as results:
        for index, result in results:
            if result is None:
                raise LimitError("a process was killed, perhaps for want of memory")
            early[index] = result
            while turn in early:
                yield early.pop(turn)
                turn += 1


def in_own_processes(
    function: Callable[[_In], _Out], groups: Sequence[Sequence[_In]], workers: int
) -> Generator[tuple[int, int, _Out | None], None, None]:
    """(group, index in it, result) as they come: as `in_processes`, but every group has a process of its own.

    A group's items are done in order. Where its process ends before it has a result, a new one does the rest.
    """
    places = [(group, index) for group, items in enumerate(groups) for index in range(len(items))]
    firsts = itertools.accumulate(map(len, groups), initial=0)
    queues = (iter(enumerate(items, first)) for first, items in zip(firsts, groups, strict=False))
    with closing(_in_processes(function, queues, workers, lambda _: None)) as flat:
        for number, result in flat:
            yield *places[number], result


def _in_processes(
    function: Callable[[_In], _Out],
    queues: Iterator[Iterator[tuple[int, _In]]],
    workers: int,
    begin: Callable[[int], None],
) -> Generator[tuple[int, _Out | None], None, None]:
    """Every process works through a queue, which others may work through as well; at its end it goes."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    started: list[_Lane[_In, _Out]] = []
    busy: dict[object, _Lane[_In, _Out]] = {}

    def start_next(lane: _Lane[_In, _Out] | None, queue: Iterator[tuple[int, _In]] | None) -> None:
        while queue is not None:
            for index, item in queue:
                begin(index)
                if lane is None:
                    lane = _Lane(context, function, queue)
                    started.append(lane)
                busy[lane.pipe] = lane
                lane.give(index, item)
                return
            if lane is not None:
                lane.pipe.close()  # nothing is left to do: it ends
            lane, queue = None, next(queues, None)

    try:
        for _ in range(workers):
            start_next(None, next(queues, None))
        while busy:
            for pipe in wait(list(busy)):  # type: ignore[arg-type]  # they are connections
                lane = busy.pop(pipe)
                answer = lane.answer()
                yield lane.index, answer
                start_next(lane if answer is not None else None, lane.queue)
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
    """One process, the queue it takes from, and the item it works on."""

    def __init__(
        self, context: SpawnContext, function: Callable[[_In], _Out], queue: Iterator[tuple[int, _In]]
    ) -> None:
        self.queue = queue
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
        deadline = time.monotonic() + _PATIENCE
        while self.process.is_alive():
            if time.monotonic() < deadline:
                self.process.terminate()
            else:
                self.process.kill()
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

_ending = threading.Event()


def _serve(pipe: Connection, function: Callable[[_In], _Out]) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while not _ending.is_set():
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
    _ending.set()  # for an exception can get lost: those of weak references' callbacks are, as in an import
    raise SystemExit(TERMINATED)  # so that temporary files are removed on the way out


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:  # as in `stop`
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_BETWEEN)
        os._exit(TERMINATED)
