"""HEIC by libheif and x265, as pillow-heif writes it: 4:2:0, 8 bits, preset slow, tuned for SSIM."""

from __future__ import annotations

import io

import numpy as np

from benchmarks.codecs.interface import AbsentError
from benchmarks.codecs.library import LibraryCodec
from benchmarks.raw import Pixels


class Heic(LibraryCodec):
    """Quality 0..100, whole numbers. Decoded by libde265."""

    id = "heic"
    module, package = "pillow_heif", "pillow-heif"
    title = "HEIC"
    ending = "heic"
    qualities = (4, 10, 16, 24, 32, 40, 48, 55, 62, 70)

    def __init__(self) -> None:
        self.options = {"chroma": "420"}
        self._threads = 1

    def open(self, threads: int) -> None:
        """Import pillow-heif. Raises AbsentError, also where it cannot write HEIC."""
        library = self._imported()
        if "x265" not in library.libheif_info()["encoders"]:
            raise AbsentError("this pillow-heif is built without x265", "pip install --force-reinstall pillow-heif")
        library.options.DECODE_THREADS = threads
        self._threads = threads

    @property
    def version(self) -> str:
        """libheif's, x265's, the decoders' and pillow-heif's."""
        info = self._opened.libheif_info()
        parts = (f"libheif {info['libheif']}", info["encoders"]["x265"], *info["decoders"].values())
        return f"{', '.join(parts)}, pillow-heif {self._opened.__version__}"

    def command(self, quality: float) -> str:
        """pillow-heif's call."""
        return f"pillow_heif.from_pillow(Image.open('in.png')).save('out.heic', quality={round(quality)}, chroma='420')"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that pillow-heif writes."""
        height, width = pixels.shape[:2]
        buffer = io.BytesIO()
        pool = {"x265:pools": str(self._threads)}  # does not change the bytes
        self._opened.encode(
            "RGB", (width, height), pixels.tobytes(), buffer, quality=round(quality), enc_params=pool, **self.options
        )
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """libheif's decoder. Raises ValueError or another exception for what it cannot read."""
        return np.asarray(self._opened.open_heif(io.BytesIO(data)).to_pillow().convert("RGB"))
