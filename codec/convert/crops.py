"""Training crops: pictures in tar files, read for fitting. Names that begin with p_ are photographs."""

from __future__ import annotations

import glob
import io
import tarfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import FileAccessError

PHOTOGRAPH = "p_"


def read_crops(pattern: str, count: int, *, photographs: bool = False) -> list[NDArray[np.uint8]]:
    """`count` crops (H, W, 3) uint8, spread evenly over all that the tar files named by the glob hold."""
    names = [n for n in _names(pattern) if not photographs or n[1].startswith(PHOTOGRAPH)]
    if not names:
        raise FileAccessError(f"no training crops in {pattern}")
    count = min(count, len(names))
    picked = {names[i * len(names) // count] for i in range(count)}
    return list(_read(pattern, picked))


def _names(pattern: str) -> list[tuple[str, str]]:
    found = []
    for path in sorted(glob.glob(pattern)):
        with tarfile.open(path) as tar:
            found += [(path, member.name) for member in tar if member.isfile()]
    return found


def _read(pattern: str, picked: set[tuple[str, str]]) -> Iterator[NDArray[np.uint8]]:
    for path in sorted(glob.glob(pattern)):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member) if (path, member.name) in picked else None
                if file is not None:
                    yield np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))
