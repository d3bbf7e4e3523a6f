"""What an opened video gives, whatever it is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.pixels.frame import Frame


@dataclass(eq=False)
class MediaSource:
    """An opened video; iterating gives its frames and packets of sound in the order of time, once.

    Attributes:
        clip: timing and colours; `clip.frames` is 0, for it is known only at the end.
        size: (width, height) of the upright frames, in pixels.
        mode: "RGB", "L", "RGBA" or "LA", the channels of every frame.
        items: the frames and packets that are left.
        audio: the streams that packets belong to, by index.
        frames: how many frames are expected, None if that is not known.
        duration: how many seconds are expected, None if that is not known.
        metadata: ICC profile, EXIF and XMP of an animation; empty for video.
        release: closes the file and the decoder.

    Frames come in the order of presentation, `number` from 0, `pts` rising, in units of `clip.time_base`. A packet
    comes before the first frame that is later than it, unless more than 8 MiB of sound would have to wait for that
    frame. Memory does not grow with length. Iterating raises and notes as `open_source` does.
    """

    clip: Clip
    size: tuple[int, int]
    mode: str
    items: Iterator[Frame | AudioPacket] = field(repr=False)
    audio: tuple[AudioStream, ...] = ()
    frames: int | None = None
    duration: float | None = None
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    release: Callable[[], None] = field(default=lambda: None, repr=False)

    def __iter__(self) -> Iterator[Frame | AudioPacket]:
        return self.items

    def close(self) -> None:
        """Close the file and the decoder; a file object of the caller's stays open."""
        self.items = iter(())
        self.release()

    def __enter__(self) -> MediaSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
