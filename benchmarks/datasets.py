"""Pictures to measure on: the 29 reference images of LIVE that come with Wisp (see data/live/NOTICE), any folder, and
the original LIVE release with its JPEG-compressed pictures."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.sources import DIGEST, ClipInfo, Source, listed, named_folder
from bitstream.errors import CorruptError, FileAccessError, RequestError
from codec.formats.pictures.load import PictureSource, load_picture
from codec.notes import note
from codec.pixels.picture import as_rgb

LIVE = Path(__file__).parent / "data" / "live"
DEMO_PICTURE = LIVE / "monarch.png"
BUNDLED = "live"
RESTORED = "live-restored"  # the pictures of the LIVE release that JPEG has harmed, to be coded again
# How many pictures the named sets have: https://r0k.us/graphics/kodak, CLIC 2020 professional validation (test), and
# TESTIMAGES' RGB 1200x1200 ("Tecnick").
NAMED_SETS = {BUNDLED: (29,), "kodak": (24,), "clic": (41, 250), "tecnick": (100,)}


def live_paths() -> list[Path]:
    """The LIVE pictures, by name."""
    return sorted(LIVE.glob("*.png"))


def read_picture(source: PictureSource) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, alpha left away."""
    return as_rgb(load_picture(source).colours)


@dataclass(frozen=True)
class Sample(Source):
    """A picture of a set: `path` is coded, the outcome is compared with `compared` (None: with itself).

    With `side` both are resized to `side` x `side` pixels first, whatever their shape was (Lanczos), and the set's
    name ends with it.
    """

    many = "pictures"
    dataset: str
    name: str
    path: Path
    compared: Path | None = None
    side: int | None = None

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What is coded and what it is compared with, (H, W, 3) uint8 each.

        Raises FileAccessError and the other errors of reading a picture; CorruptError where the two differ in size.
        """
        source = self._pixels(self.path)
        reference = source if self.compared is None else self._pixels(self.compared)
        if source.shape != reference.shape:
            raise CorruptError(f"{self.path} has another size than its reference {self.compared}")
        return source, reference

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """See Source."""
        yield self._pixels(self.path)

    @property
    def has_reference(self) -> bool:
        """See Source."""
        return self.compared is not None

    def reference(self) -> Iterator[NDArray[np.uint8]]:
        """See Source."""
        yield self._pixels(self.compared or self.path)

    def survey(self) -> ClipInfo:
        """See Source."""
        source, reference = self.read()
        height, width, _ = source.shape
        return ClipInfo(self.dataset, self.name, width, height, 1, "1", self.path.name, digest(source, reference))

    def _pixels(self, path: Path) -> NDArray[np.uint8]:
        pixels = read_picture(path)
        if self.side is None:
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((self.side, self.side), Image.Resampling.LANCZOS))


def digest(source: NDArray[np.uint8], reference: NDArray[np.uint8]) -> str:
    """Names the pixels of a sample: 16 hexadecimal digits of a SHA-256 over the shape and both pictures."""
    hashed = hashlib.sha256(repr(source.shape).encode())
    hashed.update(source.tobytes())
    hashed.update(reference.tobytes())
    return hashed.hexdigest()[:DIGEST]


def bundled(side: int | None = None) -> list[Sample]:
    """The LIVE pictures of the package."""
    return [Sample(_called(BUNDLED, side), path.stem, path, side=side) for path in live_paths()]


def _called(dataset: str, side: int | None) -> str:
    """Resized pictures are another set: results of both may lie in one file."""
    return dataset if side is None else f"{dataset}-{side}"


def folder_samples(dataset: str, folder: Path, side: int | None = None) -> list[Sample]:
    """Every picture that lies directly in `folder`, by name; other files are left out with a note.

    Raises FileAccessError (no such folder) and RequestError (no picture in it).
    """
    pictures = listed(folder, Image.registered_extensions(), "pictures")
    expected = NAMED_SETS.get(dataset)
    if expected is not None and len(pictures) not in expected:
        usual = " or ".join(map(str, expected))
        note(f"{dataset} usually has {usual} pictures, {folder} has {len(pictures)}")
    taken = Counter(path.stem for path in pictures) + Counter(path.name for path in pictures)
    return [Sample(dataset, p.stem if taken[p.stem] == 1 else p.name, p, side=side) for p in pictures]


def chosen_samples(images: Sequence[str], side: int | None = None) -> list[Sample]:
    """The pictures that `images` names: "live" (the bundled ones), "DIR" or "NAME=DIR".

    A folder without a NAME is called as it is. Raises RequestError for a set that is named twice or by no name that a
    folder can have, and as `folder_samples`.
    """
    samples: list[Sample] = []
    for text in images or (BUNDLED,):
        dataset, folder = named_folder(text, reserved=(RESTORED,))
        found = bundled(side) if text == BUNDLED and not folder.is_dir() else folder_samples(dataset, folder, side)
        if any(sample.dataset == found[0].dataset for sample in samples):
            raise RequestError(f"two sets are called {dataset}: write NAME=DIR for one of them")
        samples += found
    return samples


@dataclass(frozen=True)
class ReleasedJpeg:
    """A JPEG-compressed picture of the LIVE release: `bpp` is what its authors state, `path` holds what it shows."""

    reference: Sample
    path: Path
    bpp: float


def released_jpegs(root: Path) -> list[ReleasedJpeg]:
    """The entries of `root`/jpeg/info.txt ("house.bmp img3.bmp 0.8453") whose rate is above 0.

    Sheikh, Wang, Cormack and Bovik, LIVE Image Quality Assessment Database Release 2. `root` may be the folder above
    "databaserelease2". A rate of 0 marks a reference among them. Of two pictures of one reference and rate the second
    is left out with a note: reference and rate name a point. Raises FileAccessError, CorruptError.
    """
    inner = root / "databaserelease2"
    root = inner if inner.is_dir() else root
    listing = root / "jpeg" / "info.txt"
    try:
        lines = listing.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileAccessError(f"{listing}: not the LIVE release: {getattr(error, 'strerror', error)}") from error
    found: dict[tuple[str, float], ReleasedJpeg] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            name, file, rate = words
            bpp = float(rate)
        except ValueError as error:
            raise CorruptError(f"{listing}, line {number}: not a reference, a file and a rate") from error
        if not 0 <= bpp < math.inf:
            raise CorruptError(f"{listing}, line {number}: {rate} is no rate")
        if (name, bpp) in found:
            note(f"{listing}, line {number}: a second picture of {name} at this rate is left out")
        elif bpp > 0:
            reference = Sample(BUNDLED, Path(name).stem, root / "refimgs" / name)
            found[name, bpp] = ReleasedJpeg(reference, root / "jpeg" / file, bpp)
    return list(found.values())


def restoration_samples(jpegs: Sequence[ReleasedJpeg]) -> list[Sample]:
    """Each JPEG-compressed picture as an input whose outcome is compared with the reference that it came from."""
    return [
        Sample(RESTORED, f"{jpeg.reference.name}-{jpeg.path.stem}", jpeg.path, jpeg.reference.path) for jpeg in jpegs
    ]
