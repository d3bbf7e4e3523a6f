"""What the formats share that Pillow reads and writes by itself."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import PIL
from PIL import Image, features

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.raw import Pixels

REMEDY = "pip install --force-reinstall pillow: its wheels have it"


class PillowFormat(ImageCodec):
    """A format of Pillow's. `kind` is Pillow's name for it, `feature` that of the library behind it."""

    kind: ClassVar[str]
    feature: ClassVar[str]
    library: ClassVar[str]
    options: Mapping[str, object]
    _threads = 1

    def open(self, threads: int) -> None:
        """See that Pillow was built with the library. Raises AbsentError."""
        if not features.check(self.feature):
            raise AbsentError(f"this Pillow is built without {self.library}", REMEDY)
        self._threads = threads

    @property
    def version(self) -> str:
        """The library's and Pillow's."""
        return f"{self.library} {features.version(self.feature)}, Pillow {PIL.__version__}"

    @abstractmethod
    def settings(self, quality: float) -> dict[str, object]:
        """Keywords of Pillow's `save` that follow from the quality."""

    def command(self, quality: float) -> str:
        """Pillow's call."""
        words = ", ".join(f"{name}={value!r}" for name, value in {**self.settings(quality), **self.options}.items())
        return f"Image.open('in.png').save('out.{self.ending}', {words})"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that Pillow writes."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, self.kind, **{**self.settings(quality), **self.options, **self._speed()})
        return buffer.getvalue()

    def _speed(self) -> dict[str, object]:
        """Keywords that change the seconds and not the bytes."""
        return {}

    def decode(self, data: bytes) -> Pixels:
        """Pillow's decoder. Raises what Pillow raises for another format or a damaged file."""
        return np.asarray(Image.open(io.BytesIO(data), formats=[self.kind]).convert("RGB"))
