"""Arrays of a run that are made once: what a network that is not trained makes of the training crops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        """`arrays`: shape and dtype of each."""
        folder.mkdir(parents=True, exist_ok=True)
        self._done, self._made_from = folder / _DONE, made_from
        self.ready = self._done.exists() and self._done.read_text(encoding="utf-8") == made_from
        if not self.ready:
            self._done.unlink(missing_ok=True)
        mode: Any = "r" if self.ready else "w+"
        self._arrays = {
            name: np.lib.format.open_memmap(folder / f"{name}.npy", mode=mode, dtype=dtype, shape=shape)
            for name, (shape, dtype) in arrays.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __len__(self) -> int:
        return min(map(len, self._arrays.values()))

    def finish(self) -> None:
        """Everything is written."""
        for values in self._arrays.values():
            values.flush()
        self._done.write_text(self._made_from, encoding="utf-8")
