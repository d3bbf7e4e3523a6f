"""JPEG by mozjpeg's `cjpeg`: progressive, trellis quantisation, as it is by default."""

from __future__ import annotations

import io

import numpy as np
import PIL
from PIL import Image, features

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.codecs.programs import find_program, run_program, version_of
from benchmarks.raw import Pixels

REMEDY = "build github.com/mozilla/mozjpeg and put its cjpeg first on the PATH"
ARGUMENTS = ("-optimize", "-progressive")  # its defaults, said for the reader


class MozJpeg(ImageCodec):
    """Quality 0..100. Its chroma is 4:2:0 below quality 80, 4:2:2 below 90 and 4:4:4 above, as cjpeg decides."""

    id = "mozjpeg"
    title = "JPEG by mozjpeg"
    ending = "jpg"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90)

    def __init__(self) -> None:
        self.options = {"arguments": " ".join(ARGUMENTS)}
        self._program = ""
        self._version = ""

    def open(self, threads: int) -> None:
        """Find `cjpeg` and see that it is mozjpeg's. Raises AbsentError."""
        program = find_program(("cjpeg",), REMEDY)
        told = version_of(program, "-version", "version")
        if told is None or "mozjpeg" not in told.lower():
            raise AbsentError(f"the cjpeg on the PATH is {told or 'of no known version'}, not mozjpeg's", REMEDY)
        self._program, self._version = program, told

    @property
    def version(self) -> str:
        """What `cjpeg -version` says, and the decoder's."""
        if not self._version:
            raise RuntimeError("not opened")
        decoder = features.version("libjpeg_turbo") or features.version("jpg")
        return f"{self._version}; decoded by libjpeg {decoder}, Pillow {PIL.__version__}"

    def _arguments(self, quality: float) -> list[str]:
        return ["-quality", f"{quality:g}", *ARGUMENTS]

    def command(self, quality: float) -> str:
        """The command line."""
        return f"cjpeg {' '.join(self._arguments(quality))} -outfile out.jpg in.ppm"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that cjpeg writes of a PPM. Raises RuntimeError where it fails."""
        if not self._program:
            raise RuntimeError("not opened")
        picture = io.BytesIO()
        Image.fromarray(pixels).save(picture, "ppm")
        return run_program([self._program, *self._arguments(quality)], picture.getvalue())

    def decode(self, data: bytes) -> Pixels:
        """Pillow's decoder."""
        return np.asarray(Image.open(io.BytesIO(data), formats=["JPEG"]).convert("RGB"))
