"""Tiny training pictures."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DAMAGED = b"\x89PNG\r\n\x1a\n and no more"


def noise(seed: int, height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """(H, W, 3), other for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def smooth(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """As `noise`, but with structures of some eight pixels, as pictures have them."""
    small = Image.fromarray(noise(seed, height // 8, width // 8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """As a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files with their content below a folder, by their names there."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """Files with their content in a tar, in this order."""
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
