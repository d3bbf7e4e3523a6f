"""What is known of a sequence before its first frame."""

from __future__ import annotations

from fractions import Fraction

from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.reader import Start


class VideoFacts:
    """A sequence's header, and what comes with it."""

    def __init__(self, start: Start) -> None:
        self._start = start

    @property
    def clip(self) -> Clip:
        """Timing, pixel aspect, colours of the source."""
        assert self._start.header.clip is not None
        return self._start.header.clip

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._start.header.width, self._start.header.height

    @property
    def mode(self) -> str:
        """Pillow's name of a frame's channels: RGB, or RGBA, L, LA."""
        return self._start.header.mode

    @property
    def rate(self) -> Fraction | None:
        """Nominal frames a second, None where the file names none."""
        return self.clip.rate

    @property
    def time_base(self) -> Fraction:
        """Seconds of one unit of `Frame.pts`."""
        return self.clip.time_base

    @property
    def audio(self) -> tuple[AudioStream, ...]:
        """The streams of sound, whose packets `items` yields."""
        return self._start.streams

    @property
    def metadata(self) -> Metadata:
        """ICC profile, EXIF, XMP."""
        return self._start.metadata
