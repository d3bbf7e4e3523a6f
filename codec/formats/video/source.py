"""Video in: what FFmpeg reads, Y4M and raw video, animations, of files and pipes -> frames and packets of sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from bitstream.chunks import SIGNATURE
from bitstream.errors import FileAccessError
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.files.stream import Input, open_input
from codec.formats.sniff import HEAD_BYTES, is_picture_head, picture_kind
from codec.formats.video.raw import Y4M, Y4M_SIGNATURE, RawFrames, RawVideo
from codec.pixels.frame import Frame

if TYPE_CHECKING:
    from codec.formats.video.video import Opened

_SIGN_BYTES = 12  # of a pipe, which is not to be waited for longer than it takes to know what it is


class MediaSource:
    """An opened video; iterating gives its frames and packets of sound in the order of time, once.

    Attributes:
        clip: timing and colours; `clip.frames` is 0, for only the end tells.
        size: (width, height) of the upright frames, in pixels.
        mode: "RGB", "L", "RGBA" or "LA", the channels of every frame.
        audio: the streams that packets belong to, by index.
        frames: how many frames are expected, None where that is not known.
        duration: seconds that are expected, None likewise.
        metadata: ICC profile, EXIF and XMP of an animation; empty for video.

    Frames come in the order of presentation, `number` from 0, `pts` rising, in units of `clip.time_base`; a packet
    comes before the first frame that is later than it, as far as the container has it there (at most 8 MiB of
    sound wait for a frame). Memory does not grow with length. Raises and notes as `open_source` does.
    """

    def __init__(self, opened: Opened, release: Callable[[], None]) -> None:
        self.clip: Clip = opened.clip
        self.size: tuple[int, int] = opened.size
        self.mode: str = opened.mode
        self.audio: tuple[AudioStream, ...] = opened.audio
        self.frames: int | None = opened.frames
        self.duration: float | None = opened.duration
        self.metadata: Metadata = opened.metadata
        self._items = opened.items
        self._release = release

    def __iter__(self) -> Iterator[Frame | AudioPacket]:
        return self._items

    def close(self) -> None:
        """Let go of the file and the decoder; a file object of the caller's stays open."""
        self._items = iter(())
        self._release()

    def __enter__(self) -> MediaSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_source(
    source: str | PathLike[str] | BinaryIO | Input,
    *,
    raw: RawVideo | None = None,
    strict: bool = False,
    audio: bool = True,
    still: bool = False,
) -> MediaSource:
    """Open a video or animation, recognised by its content, and decode its first frame.

    Args:
        source: a path; a binary file object, read from its beginning where it seeks, else only forwards, and no
            further than the next frame needs; or an Input.
        raw: what raw video is, which cannot be recognised.
        strict: refuse what would have to be converted (more than 8 bits a channel, interlaced frames, colours of
            BT.2020 primaries) or left out (damaged packets, an end that is cut off) instead of noting it.
        audio: give packets of sound, too; else they are left out silently.
        still: take a single picture, too, as a clip of one frame.

    Raises:
        FileAccessError (cannot be read, is no video, damaged), LimitError (too large, before memory is taken),
        UnsupportedError (HDR, an angle that is no multiple of 90 degrees, a change of size, a pixel format or matrix
        that is not known), RequestError by RawVideo.
    """
    with ExitStack() as held:
        opened_input = open_input(source)
        if opened_input is not source:  # an Input is its opener's to close
            held.callback(opened_input.close)
        opened = _open(opened_input, raw, strict, audio, still, held)
        return MediaSource(opened, held.pop_all().close)


def _open(source: Input, raw: RawVideo | None, strict: bool, audio: bool, still: bool, held: ExitStack) -> Opened:
    head = source.peek(HEAD_BYTES if source.seekable() else _SIGN_BYTES)
    if not head:
        raise FileAccessError("is empty")
    if raw is not None or head.startswith(Y4M_SIGNATURE):
        from codec.formats.video.video import open_decoded

        return open_decoded(RawFrames(source, raw or RawVideo(Y4M), strict=strict), strict=strict)
    if head.startswith(SIGNATURE):
        raise FileAccessError("is a Wisp file already")
    if not source.seekable() and is_picture_head(head):
        source.make_seekable()
    kind = picture_kind(source, head) if source.seekable() else None
    if kind is not None:
        return _open_pictures(source, kind, strict, still)
    return _open_container(source, strict, audio, held)


def _open_pictures(source: Input, kind: str, strict: bool, still: bool) -> Opened:
    from codec.formats.video.animation import open_animation, open_still

    source.seek(0)
    if kind == "animation":
        return open_animation(source, strict=strict)
    if not still:
        raise FileAccessError("is a single picture, no video")
    return open_still(source)


def _open_container(source: Input, strict: bool, audio: bool, held: ExitStack) -> Opened:
    from codec.formats.video.demux import Demuxed
    from codec.formats.video.video import open_decoded

    if source.seekable():
        source.seek(0)
    decoded = Demuxed(source, strict=strict, audio=audio)
    held.callback(decoded.close)
    return open_decoded(decoded, strict=strict)
