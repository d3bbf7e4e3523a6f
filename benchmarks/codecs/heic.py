"""HEIC by libheif and x265, as pillow-heif writes it: 4:2:0, 8 bits, preset slow, tuned for SSIM."""

from __future__ import annotations

import io
from types import ModuleType

import numpy as np

from benchmarks.codecs.interface import AbsentError, ImageCodec, Pixels


class Heic(ImageCodec):
    """Quality 0..100, whole numbers. Decoded by libde265."""

    id = "heic"
    title = "HEIC"
    ending = "heic"
    qualities = (4, 10, 16, 24, 32, 40, 48, 55, 62, 70)

    def __init__(self) -> None:
        self.options = {"chroma": "420"}
        self._library: ModuleType | None = None
        self._threads = 1

    def open(self, threads: int) -> None:
        """Import pillow-heif. Raises AbsentError, also where it cannot write HEIC."""
        try:
            import pillow_heif
        except ImportError as error:
            raise AbsentError(f"pillow_heif does not import: {error}", "pip install pillow-heif") from error
        if "x265" not in pillow_heif.libheif_info()["encoders"]:
            raise AbsentError("this pillow-heif is built without x265", "pip install --force-reinstall pillow-heif")
        pillow_heif.options.DECODE_THREADS = threads
        self._library, self._threads = pillow_heif, threads

    @property
    def _opened(self) -> ModuleType:
        if self._library is None:
            raise RuntimeError("not opened")
        return self._library

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
