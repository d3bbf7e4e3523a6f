"""What a forked process must make anew: locks, pools of threads, and the number of torch's threads.

It has one thread, but the locks as its parent's threads held them. OpenMP, which torch's threads are, waits for
ever for the others in a process that was forked after its first use; on one thread, as PyTorch's own DataLoader
runs its workers, nothing has to be waited for.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import Protocol


class Renewed(Protocol):
    """An object with something that a forked process must not take over."""

    def renew(self) -> None:
        """Make that anew."""


_renewed: weakref.WeakSet[Renewed] = weakref.WeakSet()


class _Process:
    forked = False  # after this module was imported
    runs_networks = False  # it or the one that it was forked from
    on_one_thread = False


_this = _Process()


def renew_in_child(holder: Renewed) -> None:
    """Have `renew` called in every process that is forked from now on, as long as the object lives."""
    _renewed.add(holder)


def before_networks() -> None:
    """Called before networks run: in a forked process torch gets one thread from then on."""
    _this.runs_networks = True
    if _this.forked:
        _take_one_thread()


def _begin_child() -> None:
    _this.forked, _this.on_one_thread = True, False
    for holder in list(_renewed):
        holder.renew()
    if _this.runs_networks:  # else the child may never use it, or never through us
        _take_one_thread()


def _take_one_thread() -> None:
    if not _this.on_one_thread and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
        _this.on_one_thread = True


def is_forked() -> bool:
    """Whether this process was forked after this module was imported."""
    return _this.forked


class ForkLock:
    """As threading.RLock, but free in a forked process, whichever thread of its parent held it."""

    def __init__(self) -> None:
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """See `Renewed`."""
        self._lock = threading.RLock()

    def acquire(self, blocking: bool = True) -> bool:
        """As an RLock's."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """As an RLock's."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
