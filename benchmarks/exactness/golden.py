"""The golden files that come with the package: small .wisp files, and what their latents must hash to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from bitstream.errors import CorruptError, FileAccessError

FOLDER = Path(__file__).parent / "golden"
EXPECTED = "expected.json"


@dataclass(frozen=True)
class Golden:
    """One file. `latents_sha256` is what `wisp verify --json` must say of it; `intact` whether its bytes are right."""

    name: str
    data: bytes
    latents_sha256: str
    intact: bool


@dataclass(frozen=True)
class GoldenSet:
    """All files of a folder, by name, and the id of the model that they need."""

    model: str
    files: tuple[Golden, ...]

    @property
    def expected(self) -> dict[str, str]:
        """latents_sha256 by name."""
        return {golden.name: golden.latents_sha256 for golden in self.files}


def read_goldens(folder: Path = FOLDER) -> GoldenSet:
    """The files that `folder`/expected.json lists.

    Raises FileAccessError for a file that is missing, CorruptError for an expected.json that is none.
    """
    listing = folder / EXPECTED
    try:
        fields = json.loads(listing.read_text("utf-8"))
        files = tuple(_read(folder, name, **hashes) for name, hashes in sorted(fields["files"].items()))
        return GoldenSet(str(fields["model"]), files)
    except OSError as error:
        raise FileAccessError(f"{error.filename}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{listing} is no list of golden files: {error}") from error


def _read(folder: Path, name: str, *, file_sha256: str, latents_sha256: str) -> Golden:
    data = (folder / f"{name}.wisp").read_bytes()
    return Golden(name, data, latents_sha256, hashlib.sha256(data).hexdigest() == file_sha256)
