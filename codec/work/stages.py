"""Where the time goes: wall seconds by stage of one job, for whoever collects them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_collected: ContextVar[dict[str, float] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[dict[str, float]]:
    """-> a dictionary that fills with seconds by stage while the block runs."""
    seconds: dict[str, float] = {}
    token = _collected.set(seconds)
    try:
        yield seconds
    finally:
        _collected.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """The block belongs to this stage; nobody minds where nothing is collected."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds = _collected.get()
        if seconds is not None:
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
