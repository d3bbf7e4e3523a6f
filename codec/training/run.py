"""A run's folder: recipe, state to resume from, best weights, tables, sheets.

recipe.toml        how it was made          best.safetensors   weights of the best validation
data.txt           the pictures' sources    steps.csv          loss by step
state.pt           where it can be resumed  validation.csv     what validation found
sheets/            original, decoded and error pictures        tensorboard/
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from codec.files.output import Writing
from codec.training.recipe import Recipe, parse_recipe

RECIPE, DATA, STATE, BEST, SHEETS = "recipe.toml", "data.txt", "state.pt", "best.safetensors", "sheets"


@dataclass(frozen=True)
class Run:
    """A folder that a run is kept in."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path, recipe: Recipe, sources: Sequence[Path], *, resume: bool, overwrite: bool) -> Run:
        """Take a folder for a run, a new one or, with `resume`, that of the same recipe.

        Raises OutputExistsError (it holds a run), RequestError (resumed by another recipe) or FileAccessError.
        """
        run = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / SHEETS).mkdir(exist_ok=True)
        except OSError as error:
            raise FileAccessError(f"folder {folder}: {error.strerror or error}") from error
        if run.exists() and not resume and not overwrite:
            raise OutputExistsError(f"{folder} holds a run already")
        if run.exists() and resume:
            if run.recipe() != recipe:
                raise RequestError(f"{folder} was begun by another recipe, see its {RECIPE}")
        else:
            for name in (STATE, BEST):
                (folder / name).unlink(missing_ok=True)
            run._write(RECIPE, recipe.toml().encode())
            run._write(DATA, "".join(f"{source.resolve()}\n" for source in sources).encode())
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """A run that is there. Raises FileAccessError."""
        run = cls(folder)
        if not run.exists():
            raise FileAccessError(f"{folder} is not a run: it has no {RECIPE}")
        return run

    def exists(self) -> bool:
        return (self.folder / RECIPE).exists()

    def recipe(self) -> Recipe:
        """How the run was made."""
        return parse_recipe((self.folder / RECIPE).read_text(encoding="utf-8"))

    def sources(self) -> list[Path]:
        """Folders and files that its pictures came from."""
        return [Path(line) for line in (self.folder / DATA).read_text(encoding="utf-8").splitlines()]

    @property
    def weights(self) -> Path:
        """The best weights."""
        return self.folder / BEST

    def best(self) -> Path:
        """The same; raises FileAccessError where there are none yet."""
        if not self.weights.exists():
            raise FileAccessError(f"{self.folder} has no weights yet: its first validation is to come")
        return self.weights

    def save_state(self, state: Mapping[str, Any]) -> None:
        """All that resuming needs, at once or not at all."""
        data = io.BytesIO()
        torch.save(dict(state), data)
        self._write(STATE, data.getbuffer())

    def read_state(self) -> dict[str, Any] | None:
        """None where nothing was saved yet. Raises FileAccessError for a file that is none of ours."""
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
            raise FileAccessError(f"{path} cannot be resumed from: {str(error).splitlines()[0]}") from error
        return state

    def save_best(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        """Weights in float32, with what is needed to read them."""
        kept = {name: tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
        self._write(BEST, safetensors_bytes(kept, dict(metadata)))

    def save_sheet(self, step: int, png: bytes) -> None:
        """A sheet of pictures."""
        self._write(f"{SHEETS}/step-{step:07d}.png", png)

    def sheets(self) -> list[Path]:
        """All of them, in order."""
        return sorted((self.folder / SHEETS).glob("step-*.png"))

    def _write(self, name: str, data: bytes | memoryview) -> None:
        Writing(overwrite=True).write(str(self.folder / name), data)
