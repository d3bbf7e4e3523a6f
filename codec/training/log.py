"""What a run writes down as it goes: two CSV tables and, where the package is installed, TensorBoard events."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import FileAccessError
from codec.files.output import Writing
from codec.training.events import Events

STEPS, VALIDATION = "steps.csv", "validation.csv"
EVENTS = "tensorboard"
_CURVES = ("quality", "delta", "hierarchy")  # columns that tell the curves of a table apart


class Log:
    """The tables of a run's folder. `resumed_at`: rows of later steps are dropped, for they will be made again.

    What cannot be written is a FileAccessError.
    """

    def __init__(self, folder: Path, resumed_at: int) -> None:
        self._folder = folder
        for name in (STEPS, VALIDATION):
            with _writing(folder / name):
                _keep_until(folder / name, resumed_at)
        self._events: Events | None = None
        with suppress(ImportError), _writing(folder / EVENTS):  # it is an extra
            self._events = Events(folder / EVENTS, resumed_at + 1)

    def add(self, name: str, row: Mapping[str, float]) -> None:
        """Append a row to a table; in TensorBoard `step` is the abscissa, and _CURVES are parts of the curve's name."""
        path = self._folder / name
        with _writing(path):
            new = not path.exists()
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(row))
                if new:
                    writer.writeheader()
                writer.writerow({key: _shown(value) for key, value in row.items()})
        if self._events is None:
            return
        suffix = "".join(f"/{key[0]}{row[key]:g}" for key in _CURVES if key in row)
        with _writing(self._folder / EVENTS):
            for key, value in row.items():
                if key not in ("step", *_CURVES):
                    self._events.add_scalar(f"{Path(name).stem}/{key}{suffix}", value, int(row["step"]))

    def add_sheet(self, step: int, sheet: NDArray[np.uint8]) -> None:
        """A sheet of pictures (H, W, 3) for TensorBoard."""
        if self._events is not None:
            with _writing(self._folder / EVENTS):
                self._events.add_picture("sheet", sheet, step)

    def close(self) -> None:
        """Nothing more is to come."""
        if self._events is not None:
            self._events.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileAccessError(f"{path}: {error.strerror or error}") from error


def read_table(path: Path) -> list[dict[str, float]]:
    """The rows of a table of a run, but for damaged ones: a full disk or a power cut ends in the middle of a row."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [values for row in csv.DictReader(file) if "step" in (values := _numbers(row))]


def _numbers(row: Mapping[str, str | None]) -> dict[str, float]:
    try:
        return {key: float(value or "") for key, value in row.items()}
    except (TypeError, ValueError):
        return {}


def _keep_until(path: Path, step: int) -> None:
    kept = [row for row in read_table(path) if row["step"] <= step]
    if not kept:
        path.unlink(missing_ok=True)
        return
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(kept[0]))
    writer.writeheader()
    writer.writerows({key: _shown(value) for key, value in row.items()} for row in kept)
    Writing(overwrite=True).write(str(path), text.getvalue().encode())


def _shown(value: float) -> float | int:
    value = float(value)
    return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.7g}")
