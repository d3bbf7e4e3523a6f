"""Arrays of a run that are made once: what a network that is not trained makes of the training crops."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import FileAccessError
from codec.training.recipe import Recipe

_DONE = "made_from.json"
_KEYS = ("task", "start", "network", "seed", "crop", "validation", "lowest", "highest", "flip", "transpose")


def made_from(recipe: Recipe, sources: Sequence[Path], world: int) -> str:
    """What prepared arrays depend on: some keys of the recipe, the pictures' places, the number of processes."""
    values = {key: value for key, value in recipe.plain().items() if key in _KEYS}
    return json.dumps({**values, "sources": [str(Path(source).resolve()) for source in sources], "world": world})


class KeptArrays:
    """Memory-mapped arrays (N, ...) in a folder, by name: `folder / NAME.npy`.

    A run that is resumed finds them there, `ready`. Where they were not finished, or are of another recipe or other
    pictures (`made_from`), they are made anew.
    """

    def __init__(self, folder: Path, made_from: str, **arrays: tuple[tuple[int, ...], type[np.generic]]) -> None:
        """`arrays`: shape and dtype of each. Raises FileAccessError, also where the disk has no room for them."""
        self._done, self._made_from = folder / _DONE, made_from
        self._arrays = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.ready = self._done.exists() and self._done.read_text(encoding="utf-8") == made_from
            if not self.ready:
                self._done.unlink(missing_ok=True)
            for name, (shape, dtype) in arrays.items():
                path, mode = folder / f"{name}.npy", "r" if self.ready else "w+"
                self._arrays[name] = np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)
                if not self.ready:
                    _claim(path)
        except (OSError, ValueError) as error:
            raise FileAccessError(f"folder {folder}: {getattr(error, 'strerror', None) or error}") from error

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def read(self, name: str, chosen: Any, device: torch.device) -> Tensor:
        """Some of an array (N, H, W, C), as NumPy's index `chosen` says -> (B, C, H, W) float32, channels last."""
        return torch.from_numpy(np.array(self._arrays[name][chosen])).to(device).permute(0, 3, 1, 2).float()

    def write(self, name: str, place: int, values: Tensor) -> None:
        """(1, C, H, W), whole numbers where the array is of whole numbers, at a place of an array (N, H, W, C)."""
        self._arrays[name][place] = values.permute(0, 2, 3, 1).cpu().numpy()[0]

    def __len__(self) -> int:
        return min(map(len, self._arrays.values()))

    def finish(self) -> None:
        """Everything is written."""
        for values in self._arrays.values():
            values.flush()
        self._done.write_text(self._made_from, encoding="utf-8")


def forget(folder: Path) -> None:
    """Have what a run has kept be made anew."""
    for done in folder.glob(f"*/{_DONE}"):
        done.unlink()


def _claim(path: Path) -> None:
    """Take a file's room on the disk now: a mapped file that finds none later kills the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
