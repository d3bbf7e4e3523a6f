"""The pictures that come with Wisp: the 29 reference images of LIVE (see data/live/NOTICE)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.pictures.load import PictureSource, load_picture
from codec.pictures.picture import as_rgb

LIVE = Path(__file__).parent / "data" / "live"
DEMO_PICTURE = LIVE / "monarch.png"


def live_paths() -> list[Path]:
    """The LIVE pictures, by name."""
    return sorted(LIVE.glob("*.png"))


def read_picture(source: PictureSource) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, alpha left away."""
    return as_rgb(load_picture(source).colours)
