"""Training pictures, wherever they lie: in folders, in tar files, or alone.

Tar files are uncompressed, so that any picture in them is read by itself. Those of webdataset's layout
(NAME.webp beside NAME.json) are read like any other: what is no picture by its ending is passed over.
"""

from __future__ import annotations

import re
import tarfile
import warnings
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import FileAccessError, WispError
from codec.formats.pictures.endings import picture_endings
from codec.formats.pictures.load import load_picture
from codec.formats.sniff import VIDEO_ENDINGS
from codec.notes import note
from codec.pixels.picture import as_rgb
from codec.pixels.transparency import filled
from codec.training.recipe import DATA, RECIPE
from codec.work.threads import thread_count

TAR = ".tar"
GRAPHICS = "g_"  # what the names of drawings and screenshots begin with in packs; those of photographs with p_
CLIP = "v_"  # those of clips, whose frames lie below each other
_CROP = re.compile(r"[a-z]_[0-9a-f]{8,}(?=_)")  # in a pack's names: the picture that a crop was taken of
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Entry:
    """One picture: a file, or `size` bytes from `offset` on in a tar file.

    `name` is its path below the folder that was named, or TAR/MEMBER: the same wherever that folder lies.
    """

    name: str
    path: Path
    offset: int = 0
    size: int | None = None

    @property
    def is_photograph(self) -> bool:
        """False for those that a pack names as graphics."""
        return not PurePosixPath(self.name).name.startswith(GRAPHICS)

    @property
    def is_clip(self) -> bool:
        """Whether a pack names it as the frames of a clip."""
        return PurePosixPath(self.group).name.startswith(CLIP) and self.group != self.name

    @property
    def group(self) -> str:
        """What crops of one picture have in common: their name in a pack up to the crop's number, else the whole."""
        found = _CROP.match(PurePosixPath(self.name).name)
        return found.group() if found else self.name

    def read(self) -> bytes:
        """The picture's file. Raises FileAccessError."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read() if self.size is None else file.read(self.size)
        except OSError as error:
            raise FileAccessError(error.strerror or str(error)) from error


def find_pictures(sources: Sequence[Path], *, clips: bool = False) -> list[Entry]:
    """Every picture in folders (and those below them), in tar files, also those in folders, and single files.

    What packs name as clips of videos is left out, or alone is taken with `clips`.

    The order is that of `sources`, sorted by name within a folder, as stored within a tar. Nothing is decoded yet;
    hidden files, the folders of runs of training (their sheets are pictures, too), and in folders and tars files of
    other endings, are passed over. A damaged tar is named in a note
    and gives what could be read of it.

    Raises FileAccessError: a source is missing, or no picture at all was found.
    """
    endings = picture_endings()
    found: list[Entry] = []
    for entry in _files(sources, endings | {TAR}):
        found += _members(entry, endings) if entry.path.suffix.lower() == TAR else [entry]
    wanted = [entry for entry in found if entry.is_clip == clips]
    if not wanted:
        raise FileAccessError(f"no {'clips' if clips else 'pictures'} in {_listed(sources)}")
    return wanted


def find_videos(sources: Sequence[Path]) -> list[Entry]:
    """Every video in folders (and those below them), by its ending, and single files, in the order of `find_pictures`.

    Raises FileAccessError likewise.
    """
    found = list(_files(sources, VIDEO_ENDINGS))
    if not found:
        raise FileAccessError(f"no videos in {_listed(sources)}")
    return found


def _listed(sources: Sequence[Path]) -> str:
    return ", ".join(map(str, sources)) or "nothing"


def _files(sources: Sequence[Path], endings: Set[str]) -> Iterator[Entry]:
    """Single files whatever their ending, and what folders have of these endings."""
    for source in map(Path, sources):
        if source.is_dir():
            runs = {path.parent for path in source.rglob(RECIPE) if path.with_name(DATA).exists()} - {source}
            for path in sorted(source.rglob("*")):
                name = path.relative_to(source)
                passed = any(part.startswith(".") for part in name.parts) or not runs.isdisjoint(path.parents)
                if path.suffix.lower() in endings and not passed and path.is_file():
                    yield Entry(name.as_posix(), path)
        elif source.exists():
            yield Entry(source.name, source)
        else:
            raise FileAccessError(f"{source}: no such file or folder")


def _members(found: Entry, endings: Set[str]) -> Iterator[Entry]:
    path = found.path
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                place = PurePosixPath(member.name)
                if member.isreg() and place.suffix.lower() in endings and not place.name.startswith("."):
                    yield Entry(f"{found.name}/{member.name}", path, member.offset_data, member.size)
            _check_end(path, tar.offset)
    except (tarfile.TarError, OSError) as error:
        note(f"{path} is damaged or no uncompressed tar file: {error}")


def _check_end(path: Path, end: int) -> None:
    """Raise TarError where a tar goes on with anything but zeros: Python takes a damaged header for the end."""
    with path.open("rb") as file:
        file.seek(end)
        if any(file.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError(f"no member at byte {end}")


def read_picture(entry: Entry) -> NDArray[np.uint8]:
    """Its pixels, (H, W, 3) uint8, upright, in sRGB; the first frame of an animation.

    Grey becomes three equal channels; transparency is left out, where nothing is seen colours go on smoothly, as the
    encoder has them. Raises FileAccessError, LimitError or UnsupportedError where it cannot be read.
    """
    return decode_picture(entry.read())


def decode_picture(data: bytes) -> NDArray[np.uint8]:
    """As `read_picture`, of a picture's file in memory."""
    picture = load_picture(BytesIO(data), frame=0)
    colours = filled(picture.colours, picture.alpha) if picture.has_alpha else picture.colours
    return np.array(as_rgb(colours))  # one that may be written to, as torch wants it


def read_pictures(
    entries: Sequence[Entry], prepare: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda pixels: pixels
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(index, pixels as of `read_picture`), several decoded at a time, each put through `prepare` there.

    What cannot be read, or where `prepare` raises a WispError, is named in a note and left out.
    """
    workers = thread_count()

    def read(entry: Entry) -> NDArray[np.uint8] | WispError:
        try:
            return prepare(read_picture(entry))
        except WispError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(entries), workers):
            some = entries[first : first + workers]
            with quietly():
                results = list(pool.map(read, some))
            for index, result in enumerate(results, first):
                if isinstance(result, WispError):
                    note(left_out(entries[index], result))
                else:
                    yield index, result


def left_out(entry: Entry, why: WispError) -> str:
    """The note on a picture that cannot be used."""
    return f"{entry.name} left out: {why}"


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, no notes and warnings on how single pictures are read: there are too many of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """`count` of them, or all where there are fewer, at even distances."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]
