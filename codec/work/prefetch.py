"""Drawing from an iterator ahead of who takes from it, by a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_SECONDS = 0.2  # between two looks at whether to go on
_PATIENCE = 0.5  # seconds for the item that is being drawn at the end


def drawn_ahead(
    items: Iterator[Item], room: int, go_on: Callable[[], bool] = lambda: True
) -> Generator[Item, None, None]:
    """The same items, never more than `room` ahead; what `items` raises comes behind what came before.

    Ends early once `go_on` says no, even while the iterator waits for something that never comes.
    """
    free, stopped = threading.Semaphore(room), threading.Event()
    line: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()

    def draw() -> None:
        try:
            for item in items:
                line.put((item,))
                free.acquire()
                if stopped.is_set():
                    break
        except BaseException as error:
            line.put(error)
        else:
            line.put(None)

    # A daemon, for it may wait on a pipe for ever.
    thread = threading.Thread(target=draw, name="wisp-reader", daemon=True)
    thread.start()
    try:
        while go_on():
            try:
                entry = line.get(timeout=_SECONDS)
            except queue.Empty:
                continue
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
            free.release()
    finally:
        stopped.set()
        free.release()
        thread.join(_PATIENCE)  # so that nobody closes under it what it reads from
