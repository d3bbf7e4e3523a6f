"""How many threads work may keep busy: the process's choice outside torch, and torch's own for a while."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import TypeVar

from codec.work.forks import ForkLock, is_forked

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_CHOSEN: list[int] = []  # empty or one
_working: ContextVar[int | None] = ContextVar("working", default=None)
_taking = ForkLock()


def cores() -> int:
    """Processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def set_threads(count: int | None) -> None:
    """Choose the process's number of threads outside torch; None is one a core."""
    _CHOSEN[:] = [] if count is None else [count]


def chosen_threads() -> int | None:
    """What `set_threads` was told last."""
    return _CHOSEN[0] if _CHOSEN else None


def thread_count() -> int:
    """As chosen for the work at hand, else for the process, else one a core."""
    return _working.get() or (_CHOSEN[0] if _CHOSEN else cores())


@contextmanager
def working_threads(count: int | None, *, networks: bool = True) -> Iterator[None]:
    """Inside, the calling thread works with so many threads, torch's included with `networks`; None: as it is.

    Other threads keep their numbers, and so does the calling one afterwards.
    """
    if count is None:
        yield
        return
    token, before = _working.set(count), take_torch_threads(count) if networks else None
    try:
        yield
    finally:
        _working.reset(token)
        if before is not None:
            take_torch_threads(before)


def take_torch_threads(count: int) -> int:
    """Set torch's number of threads for the calling thread alone -> what it was. A forked process stays at one."""
    import torch

    before, common = torch.get_num_threads(), []
    if before != count and not is_forked():
        # What is set is the calling thread's number, but also the one that threads begin with which come later.
        with _taking:
            _in_new_thread(lambda: common.append(torch.get_num_threads()))
            torch.set_num_threads(count)
            _in_new_thread(lambda: torch.set_num_threads(*common))
    return before


def _in_new_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def mapped(function: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """As `map`, several at a time and never further ahead than that; for functions that release Python's lock."""
    workers, left = thread_count(), iter(items)
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(left, workers)):
            yield from pool.map(function, batch)
