"""What a program of its own, such as the command line, may set for its whole process."""

from __future__ import annotations

import numpy as np

_LARGEST_KEPT_BLOCK = 31 << 20  # bytes: just below the most that glibc accepts as threshold


def keep_freed_memory() -> None:
    """Keep every later picture from paying for fresh pages, which is a fifth of its time.

    glibc raises its threshold for giving memory back to the largest block that was ever freed: here one is, that
    was never touched.
    """
    np.empty(_LARGEST_KEPT_BLOCK, np.uint8)
