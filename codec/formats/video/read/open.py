"""Opening a video of another format: what FFmpeg reads, Y4M and raw video, and animations, from files and pipes."""

from __future__ import annotations

from contextlib import ExitStack

from bitstream.chunks import SIGNATURE
from bitstream.errors import FileAccessError
from codec.files.source import ByteSource, Source, opened
from codec.formats.sniff import HEAD_BYTES, SIGN_BYTES, is_picture_head, picture_kind
from codec.formats.video.read.rawvideo import Y4M, Y4M_SIGNATURE, RawFrames, RawVideo
from codec.formats.video.read.source import MediaSource


def open_source(
    source: Source,
    *,
    raw: RawVideo | None = None,
    strict: bool = False,
    audio: bool = True,
    still: bool = False,
) -> MediaSource:
    """Open a video or animation, recognised by its content, and decode its first frame.

    Args:
        source: a path, bytes, or a binary file object, read from its beginning where it seeks, else only forwards,
            and no further than the next frame needs.
        raw: describes raw video, which cannot be recognised.
        strict: refuse what would have to be converted (more than 8 bits a channel, interlaced frames, colours of
            BT.2020 primaries) or left out (damaged packets, an end that is cut off) instead of noting it.
        audio: give packets of sound, too; otherwise they are left out without a note.
        still: also take a single picture, as a clip of one frame.

    Raises:
        FileAccessError (cannot be read, is no video, damaged), LimitError (too large, before memory is taken),
        UnsupportedError (HDR, an angle that is no multiple of 90 degrees, a change of size, a pixel format or matrix
        that is not known), RequestError by RawVideo.
    """
    with ExitStack() as held:
        media = _open(held.enter_context(opened(source, rewound=True)), raw, strict, audio, still, held)
        media.release = held.pop_all().close
        return media


def _open(
    source: ByteSource, raw: RawVideo | None, strict: bool, audio: bool, still: bool, held: ExitStack
) -> MediaSource:
    head = source.peek(HEAD_BYTES if source.seekable() else SIGN_BYTES)
    if not head:
        raise FileAccessError("is empty")
    if raw is not None or head.startswith(Y4M_SIGNATURE):
        from codec.formats.video.read.frames import open_decoded

        return open_decoded(RawFrames(source, raw or RawVideo(Y4M), strict=strict), strict=strict)
    if head.startswith(SIGNATURE):
        raise FileAccessError("is a Wisp file already")
    if not source.seekable() and is_picture_head(head):
        source.make_seekable()
    kind = picture_kind(source, head) if source.seekable() else None
    if kind is not None:
        return _open_pictures(source, kind, strict, still)
    return _open_container(source, strict, audio, held)


def _open_pictures(source: ByteSource, kind: str, strict: bool, still: bool) -> MediaSource:
    from codec.formats.video.read.animation import open_animation, open_still

    if kind == "animation":
        return open_animation(source, strict=strict)
    if not still:
        raise FileAccessError("is a single picture, no video")
    return open_still(source)


def _open_container(source: ByteSource, strict: bool, audio: bool, held: ExitStack) -> MediaSource:
    from codec.formats.video.read.demuxer import Demuxed
    from codec.formats.video.read.frames import open_decoded

    decoded = Demuxed(source, strict=strict, audio=audio)
    held.callback(decoded.close)
    return open_decoded(decoded, strict=strict)
