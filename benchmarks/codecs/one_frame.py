"""A still picture by a video encoder: a clip of one frame, all intra, whose file is the bare stream.

All formats state any size, odd ones too (HEVC crops what x265 padded); colours are those of `benchmarks.ycbcr`, and
the stream says so.
"""

from __future__ import annotations

import io

from benchmarks.codecs.interface import ImageCodec
from benchmarks.codecs.pyav_codec import PyAvCodec
from benchmarks.raw import Pixels
from benchmarks.ycbcr import to_pixels, to_planes


class OneFrame(ImageCodec):
    """`video` at one frame. Its quality is the constant rate factor (CRF), here a quantiser: more is worse."""

    def __init__(self, video: PyAvCodec) -> None:
        self.id, self.title, self.ending = video.id, video.title, video.ending
        self.qualities, self.quality_name, self.step = video.qualities, video.quality_name, video.step
        self.options = video.options
        self.video = video

    def open(self, threads: int) -> None:
        """See BaseCodec."""
        self.video.open(threads)

    @property
    def version(self) -> str:
        """The encoder's where it tells, and those of PyAV and libavcodec."""
        return self.video.version

    def command(self, quality: float) -> str:
        """FFmpeg's command line of a raw picture."""
        return self.video.command(quality)

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The stream. Raises ValueError for a picture that the encoder finds too small."""
        planes, stream = to_planes(pixels, subsampled=self.video.layout == "yuv420p"), io.BytesIO()
        self.video.encode_planes([planes], quality, stream)
        return stream.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The decoder's picture. Raises FFmpegError, or ValueError for a stream that is not one picture.

        FFmpeg's HEVC decoder does not notice that a stream ends early.
        """
        frames = [*self.video.decode_planes(io.BytesIO(data))]
        if len(frames) != 1:
            raise ValueError(f"not one picture of {self.video.encoder}")
        return to_pixels(frames[0])
