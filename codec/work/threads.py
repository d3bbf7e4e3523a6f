"""How many threads this process may keep busy; torch, once it is loaded, has a setting of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_CHOSEN: list[int] = []  # empty or one


def cores() -> int:
    """Processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def set_threads(count: int | None) -> None:
    """Choose the number of threads outside torch; None is one a core."""
    _CHOSEN[:] = [] if count is None else [count]


def chosen_threads() -> int | None:
    """What `set_threads` was told last."""
    return _CHOSEN[0] if _CHOSEN else None


def thread_count() -> int:
    """As chosen, else one a core."""
    return _CHOSEN[0] if _CHOSEN else cores()


def mapped(function: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """As `map`, several at a time and never further ahead than that; for functions that release Python's lock."""
    workers, left = thread_count(), iter(items)
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(left, workers)):
            yield from pool.map(function, batch)
