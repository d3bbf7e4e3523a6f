"""JPEG as Pillow writes it, at its best: optimised Huffman tables, progressive."""

from __future__ import annotations

import io

import numpy as np
import PIL
from PIL import Image, features

from benchmarks.codecs.interface import ImageCodec
from benchmarks.raw import Pixels


class Jpeg(ImageCodec):
    """Baseline of every comparison. `subsampling` of the chroma is "4:2:0" or "4:4:4"."""

    ending = "jpg"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90)

    def __init__(self, subsampling: str) -> None:
        self.id = f"jpeg{subsampling.replace(':', '')}"
        self.title = f"JPEG {subsampling}"
        self.options = {"subsampling": subsampling, "optimize": True, "progressive": True}

    def open(self, threads: int) -> None:
        """Pillow is always here; it has one thread."""

    @property
    def version(self) -> str:
        """Pillow's, and the libjpeg-turbo or libjpeg inside it."""
        turbo = features.version("libjpeg_turbo")
        library = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"
        return f"{library}, Pillow {PIL.__version__}"

    def command(self, quality: float) -> str:
        """Pillow's call."""
        words = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"Image.open('in.png').save('out.jpg', quality={quality:g}, {words})"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that Pillow writes."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "jpeg", quality=int(quality), **self.options)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """Pillow's decoder."""
        return np.asarray(Image.open(io.BytesIO(data), formats=["JPEG"]).convert("RGB"))
