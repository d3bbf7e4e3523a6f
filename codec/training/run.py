"""A run's folder: recipe, state to resume from, best weights, tables, sheets.

recipe.toml        how it was made          best.safetensors   weights of the best validation
data.txt           the pictures' sources    steps.csv          loss by step
state.pt           where it can be resumed  validation.csv     what validation found
sheets/            original, decoded and error pictures        tensorboard/
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from codec.files.output import Writing
from codec.training.recipe import DATA, RECIPE, Recipe, read_recipe

STATE, BEST, SHEETS = "state.pt", "best.safetensors", "sheets"
LOCK = ".lock"


@dataclass(frozen=True)
class Run:
    """A folder that a run is kept in."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path, recipe: Recipe, sources: Sequence[Path], *, resume: bool, overwrite: bool) -> Run:
        """Take a folder for a run, a new one or, with `resume`, that of the same recipe and sources.

        Raises OutputExistsError (it holds a run), RequestError (resumed by another recipe, on other sources) or
        FileAccessError.
        """
        run = cls(folder)
        run.check(recipe, sources, resume=resume, overwrite=overwrite)
        try:
            (folder / SHEETS).mkdir(parents=True, exist_ok=True)
            if not (run.exists() and resume):
                for old in (folder / STATE, folder / BEST, *run.sheets()):
                    old.unlink(missing_ok=True)
                run._write(DATA, "".join(f"{_line(source.resolve())}\n" for source in sources).encode())
                run._write(RECIPE, recipe.toml().encode())  # last: it makes the folder a run
        except OSError as error:
            raise FileAccessError(f"folder {folder}: {error.strerror or error}") from error
        return run

    def check(self, recipe: Recipe, sources: Sequence[Path], *, resume: bool, overwrite: bool) -> None:
        """Raise what `begin` raises because of a run that is there, and change nothing."""
        if not self.exists():
            return
        if resume:
            own = self.recipe().plain()
            if others := [key for key, value in recipe.plain().items() if own[key] != value]:
                raise RequestError(f"{self.folder} was begun by another recipe, of other {', '.join(others)}")
            if self.sources() != [source.resolve() for source in sources]:
                raise RequestError(
                    f"{self.folder} was begun on other pictures, see its {DATA} (edit it where they have moved)"
                )
        elif not overwrite:
            raise OutputExistsError(f"{self.folder} holds a run already")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder, made where it is missing, for one process alone. Raises FileAccessError where another has it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / LOCK, timeout=0)
            lock.acquire()
        except Timeout as error:
            raise FileAccessError(f"{self.folder} is in use: another process trains there") from error
        except OSError as error:
            raise FileAccessError(f"folder {self.folder}: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()

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
        return read_recipe(str(self.folder / RECIPE))

    def sources(self) -> list[Path]:
        """Folders and files that its pictures came from. Raises FileAccessError."""
        try:
            lines = (self.folder / DATA).read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise FileAccessError(f"{self.folder / DATA}: {error.strerror or error}") from error
        return [Path(json.loads(line) if line.startswith('"') else line) for line in lines if line]

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
            state: dict[str, Any] = dict(torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:  # zip, pickle, system: each fails with an error of its own
            raise self.unresumable(error) from error
        return state

    def unresumable(self, why: Exception) -> FileAccessError:
        """The error of a state that is damaged, or not of this run."""
        lines = str(why).splitlines()
        return FileAccessError(
            f"{self.folder / STATE} cannot be resumed from: {lines[0] if lines else type(why).__name__}"
        )

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


def _line(source: Path) -> str:
    """A path as it is, or in JSON where it has line breaks or is no valid Unicode."""
    return str(source) if str(source).isprintable() else json.dumps(str(source))
