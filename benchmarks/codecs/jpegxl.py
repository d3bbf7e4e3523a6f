"""JPEG XL by libjxl's lossy mode (VarDCT in XYB), through imagecodecs."""

from __future__ import annotations

import numpy as np

from benchmarks.codecs.interface import AbsentError
from benchmarks.codecs.library import LibraryCodec
from benchmarks.raw import Pixels

EFFORT = 7  # libjxl's default


class JpegXl(LibraryCodec):
    """The quality is the Butteraugli distance: 1 is meant to look like the original, more is worse. Any number."""

    id = "jpegxl"
    module, package = "imagecodecs", "imagecodecs"
    title = "JPEG XL"
    ending = "jxl"
    # Above 20 libjxl halves the resolution; its curve has a step there, so 25 stands alone.
    qualities = (25, 15, 10, 7, 5, 3.5, 2.5, 1.7, 1.1, 0.7)

    def __init__(self) -> None:
        self.options = {"effort": EFFORT}
        self._threads = 1

    def open(self, threads: int) -> None:
        """Import imagecodecs. Raises AbsentError."""
        library = self._imported()
        if not library.JPEGXL.available:
            raise AbsentError("this imagecodecs is built without libjxl", "pip install --force-reinstall imagecodecs")
        self._threads = threads

    @property
    def version(self) -> str:
        """libjxl's and imagecodecs'."""
        library = self._opened
        return f"{library.jpegxl_version()}, imagecodecs {library.__version__}"

    def command(self, quality: float) -> str:
        """The call of imagecodecs."""
        return f"imagecodecs.jpegxl_encode(imagecodecs.imread('in.png'), distance={quality:g}, effort={EFFORT})"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """A bare codestream, without boxes around it."""
        encode = self._opened.jpegxl_encode
        return bytes(encode(pixels, distance=quality, effort=EFFORT, numthreads=self._threads))

    def decode(self, data: bytes) -> Pixels:
        """libjxl's decoder. Raises imagecodecs' JpegxlError, a RuntimeError."""
        return np.asarray(self._opened.jpegxl_decode(data, numthreads=self._threads))
