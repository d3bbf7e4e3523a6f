"""Clips for the tests of the command line: small, exact, and made without a video codec."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import codec
from codec.notes import WispNote
from tests.support.cli_runner import succeed
from tests.support.media_files import moving, y4m

SIZE = (64, 48)
RAW = ("--format", "rgb24", "--size", "64x48", "--rate", "25")
FRAME_BYTES = 64 * 48 * 3


def clip(count: int) -> NDArray[np.uint8]:
    """(count, 48, 64, 3): a pattern that moves."""
    return np.stack(moving(count, SIZE))


def y4m_clip(count: int) -> bytes:
    """Grey frames as Y4M, 25 a second: what is read is what is written."""
    return y4m([[frame[:, :, 0]] for frame in clip(count)], "W64 H48 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL")


def y4m_parts(count: int) -> tuple[bytes, list[bytes]]:
    """The same as header and frames."""
    data = y4m_clip(count)
    start = data.index(b"\n") + 1
    size = (len(data) - start) // count
    return data[:start], [data[at : at + size] for at in range(start, len(data), size)]


def coded(name: str, count: int) -> NDArray[np.uint8]:
    """A lossless sequence of that name -> its frames."""
    frames = clip(count)
    succeed("encode", "-", "-o", name, "--lossless", "--overwrite", *RAW, stdin=frames.tobytes())
    return frames


def shown(name: str | Path) -> NDArray[np.uint8]:
    """Every frame of a sequence (N, H, W, C)."""
    with codec.open_video(name) as video:
        return np.stack([frame.pixels for frame in video])


def facts(name: str | Path) -> dict[str, Any]:
    """What `wisp info --json` says."""
    found: dict[str, Any] = json.loads(succeed("info", "--json", name).stdout)
    return found


def frames_so_far(part: Path) -> int:
    """How many frames are whole in what an encoder has written until now."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WispNote)
            with codec.open_video(part) as video:
                return len(video)
    except (codec.WispError, OSError):
        return 0
