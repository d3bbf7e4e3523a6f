"""What is coded: pictures (benchmarks/datasets.py), videos (benchmarks/videos.py). A still is a clip of one frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.raw import Pixels
from bitstream.errors import FileAccessError, RequestError
from codec.notes import note

DIGEST = 16  # hexadecimal digits that name the pixels of a source


@dataclass(frozen=True)
class ClipInfo:
    """What reports need of a source. `pixels` are DIGEST hexadecimal digits of a SHA-256 over all that is coded and
    compared."""

    dataset: str
    name: str
    width: int
    height: int
    frames: int
    rate: str  # frames a second, "25" or "30000/1001"
    origin: str  # "made here", or the file's name
    pixels: str


class Source(ABC):
    """A picture or a clip of a set: the file `path`, or without one made here."""

    many: ClassVar[str]  # what several are called
    dataset: str
    name: str
    path: Path | None

    @abstractmethod
    def frames(self) -> Iterator[Pixels]:
        """(H, W, 3) uint8 sRGB each, one at a time. Raises the errors of reading, and notes what that converts."""

    @property
    def has_reference(self) -> bool:
        """Whether the outcome is compared with something else than `frames`."""
        return False

    def reference(self) -> Iterator[Pixels]:
        """What the outcome is compared with, as `frames`."""
        return self.frames()

    @abstractmethod
    def survey(self) -> ClipInfo:
        """Reads it once. Raises as `frames`, and CorruptError for what cannot be compared."""


def named_folder(text: str, reserved: Sequence[str] = ()) -> tuple[str, Path]:
    """Name and folder of "[NAME=]DIR". Raises RequestError for a name that no set can have."""
    name, equals, place = text.partition("=")
    folder = Path(place if equals else text).expanduser()
    dataset = name if equals else folder.resolve().name
    if dataset in ("", ".", "..", *reserved) or "/" in dataset or "\\" in dataset:  # it names a folder of files
        raise RequestError(f"a set cannot have the name {dataset!r}: write NAME=DIR")
    return dataset, folder


def listed(folder: Path, endings: Collection[str], what: str) -> list[Path]:
    """The files directly in `folder` with one of these endings, by name; others are left out with a note.

    Raises FileAccessError (no such folder) and RequestError (no such file in it).
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise FileAccessError(f"{folder}: {error.strerror or error}") from error
    found = [path for path in files if path.suffix.lower() in endings]
    if len(found) < len(files):
        note(f"{len(files) - len(found)} files of {folder} are no {what} by their ending and left out")
    if not found:
        raise RequestError(f"no {what} in {folder}")
    return found
