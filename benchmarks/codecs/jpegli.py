"""JPEG by jpegli, through pyjpegli: 4:2:0, progressive, adaptive quantisation; a file that any JPEG decoder reads."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from benchmarks.codecs.interface import AbsentError, ImageCodec, Pixels


class Jpegli(ImageCodec):
    """Quality 1..100, whole numbers. Decoded by jpegli too, which rounds once, at the end. It has one thread."""

    id = "jpegli"
    title = "JPEG by jpegli"
    ending = "jpg"
    qualities = (1, 10, 20, 40, 60, 70, 80, 88, 94, 96)

    def __init__(self) -> None:
        self.options = {}
        self._library: ModuleType | None = None

    def open(self, threads: int) -> None:
        """Import pyjpegli. Raises AbsentError."""
        try:
            import pyjpegli
        except ImportError as error:
            raise AbsentError(f"pyjpegli does not import: {error}", "pip install pyjpegli") from error
        self._library = pyjpegli

    @property
    def _opened(self) -> ModuleType:
        if self._library is None:
            raise RuntimeError("not opened")
        return self._library

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
