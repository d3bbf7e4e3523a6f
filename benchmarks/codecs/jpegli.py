"""JPEG by jpegli, through pyjpegli: 4:2:0, progressive, adaptive quantisation; a file that any JPEG decoder reads."""

from __future__ import annotations

import numpy as np

from benchmarks.codecs.library import LibraryCodec
from benchmarks.raw import Pixels


class Jpegli(LibraryCodec):
    """Quality 1..100, whole numbers. Decoded by jpegli too, which rounds once, at the end. It has one thread."""

    id = "jpegli"
    module, package = "pyjpegli", "pyjpegli"
    title = "JPEG by jpegli"
    ending = "jpg"
    qualities = (1, 10, 20, 40, 60, 70, 80, 88, 94, 96)

    def __init__(self) -> None:
        self.options = {}

    def open(self, threads: int) -> None:
        """Import pyjpegli. Raises AbsentError."""
        self._imported()

    @property
    def version(self) -> str:
        """pyjpegli's, which jpegli is compiled into."""
        return f"pyjpegli {self._opened.__version__}"

    def command(self, quality: float) -> str:
        """pyjpegli's call."""
        return f"pyjpegli.encode(np.asarray(Image.open('in.png')), width, height, quality={round(quality)})"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that jpegli writes."""
        height, width = pixels.shape[:2]
        return bytes(self._opened.encode(np.ascontiguousarray(pixels), width, height, quality=round(quality)))

    def decode(self, data: bytes) -> Pixels:
        """jpegli's decoder. Raises RuntimeError for a damaged file."""
        shown, width, height = self._opened.decode(data)
        return np.frombuffer(shown, np.uint8).reshape(height, width, 3)
