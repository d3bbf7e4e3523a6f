"""The viewer's pictures: bytes that browsers decode, each embedded once."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

WEBP_SIDE = 16383  # pixels a side, the most that WebP has
_LOSSLESS = {"lossless": True, "quality": 50, "method": 1}  # slower settings save 3 % for twice the time


def browser_type(data: bytes) -> str | None:
    """Media type of a coded file that all current browsers decode, by its first bytes; None for any other."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] == b"ftypavif":
        return "image/avif"
    return None


class Pictures:
    """Pictures of `folder` by the name that the page knows them under; equal contents have one name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._texts: dict[str, tuple[str, str]] = {}  # name: media type, base64

    def add_coded(self, file: str, shown: str) -> str | None:
        """The coded file where browsers decode it, else the decoded picture; None where neither can be read."""
        data = self._read(file)
        media_type = None if data is None else browser_type(data)
        if data is None or media_type is None:
            return self.add_shown(shown)
        name = _name(data)
        self._texts.setdefault(name, (media_type, base64.b64encode(data).decode()))
        return name

    def add_shown(self, shown: str) -> str | None:
        """A decoded picture, as lossless WebP; None where it cannot be read."""
        data = self._read(shown)
        if data is None:
            return None
        name = _name(data)
        if name not in self._texts:
            try:
                self._texts[name] = _lossless(data)
            except OSError:  # no picture, or a truncated one
                return None
        return name

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """(name, media type, base64) of each."""
        for name, (media_type, text) in self._texts.items():
            yield name, media_type, text

    def _read(self, name: str) -> bytes | None:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):  # results from elsewhere must not gather this machine's files
            return None
        try:
            return path.read_bytes()
        except OSError:
            return None


def _name(data: bytes) -> str:
    return f"picture-{hashlib.sha256(data).hexdigest()[:16]}"


def _lossless(data: bytes) -> tuple[str, str]:
    """Media type and base64. Raises OSError where `data` is no picture."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    media_type, buffer = "image/webp", io.BytesIO()
    if max(picture.size) <= WEBP_SIDE:
        picture.save(buffer, "webp", **_LOSSLESS)
    else:
        media_type = "image/png"
        picture.save(buffer, "png")
    return media_type, base64.b64encode(buffer.getvalue()).decode()
