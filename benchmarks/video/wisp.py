"""Wisp itself, through its public Python interface."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from benchmarks.codecs.wisp import loaded_codec, version_of
from benchmarks.video.interface import INTRA, VideoCodec
from benchmarks.video.raw import Layout, RawClip, write_planes
from codec.notes import WispNote

if TYPE_CHECKING:
    from codec.api import Codec


class WispVideo(VideoCodec):
    """The packaged model, every frame intra; a frame that equals the one before it is stored as its repetition."""

    id = "wisp"
    title = f"Wisp, {INTRA}"
    ending = "wisp"
    layout: Layout = "rgb24"
    qualities = (0, 20, 40, 60, 80, 100)
    quality_name = "quality"
    options = {"prediction": INTRA}  # noqa: RUF012
    quick = True
    _codec: Codec | None = None

    def open(self, threads: int) -> None:
        """Load the model. Raises AbsentError where it cannot be."""
        self._codec = loaded_codec(threads)

    @property
    def _opened(self) -> Codec:
        if self._codec is None:
            raise RuntimeError("not opened")
        return self._codec

    @property
    def version(self) -> str:
        """The package's, the model's id, and the arithmetic of its pixel path."""
        return version_of(self._opened)

    def command(self, quality: float) -> str:
        """The command line."""
        return f"wisp encode - --format rgb24 --size WxH --rate RATE -q {quality:g} -o out.wisp < in.rgb"

    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        """See VideoCodec."""
        import codec

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WispNote)  # on what a quality cannot do: results say how good it is
            size = (clip.width, clip.height)
            with codec.VideoWriter(path, size, clip.rate, quality=quality, codec=self._opened) as writer:
                for pixels in clip.pixels():
                    writer.write(pixels)

    def decode(self, path: Path, raw: BinaryIO) -> None:
        """See VideoCodec."""
        import codec

        with codec.open_video(path, codec=self._opened) as frames:
            for frame in frames:
                write_planes(raw, [frame.pixels])
