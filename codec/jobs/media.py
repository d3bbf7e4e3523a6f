"""Videos as jobs read them: opened whatever they are, the wanted frames in order, restored where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bitstream.sequence.audio import AudioPacket
from codec.api import Codec
from codec.files.source import ByteSource
from codec.jobs.selection import Chooser
from codec.jobs.settings import InputSettings
from codec.pixels.frame import Frame
from codec.restore.restore import restored_items
from codec.sequence.video import open_video
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress

if TYPE_CHECKING:
    from codec.formats.video.read.source import MediaSource

_READ_AHEAD = 4  # frames of the source
GoOn = Callable[[], bool]
Item = Frame | AudioPacket


def open_media(codec: Codec, source: ByteSource, reading: InputSettings, *, sound: bool) -> MediaSource:
    """Open a video. A `.wisp` sequence is decoded where it is to be restored, else refused.

    Raises as codec.formats.video.read.open.open_source and open_video.
    """
    if source.kind == "sequence" and reading.restoration is not None:
        return _open_sequence(codec, source)
    from codec.formats.video.read.open import open_source

    return open_source(source, raw=reading.raw, strict=reading.strict, audio=sound)


def _open_sequence(codec: Codec, source: ByteSource) -> MediaSource:
    from codec.formats.video.read.source import MediaSource

    video = open_video(source, codec=codec)
    return MediaSource(
        clip=replace(video.clip, frames=0),
        size=video.size,
        mode=video.mode,
        items=video.items(),
        audio=video.audio,
        frames=video.clip.frames or None,
        metadata=video.metadata,
        release=video.close,
    )


def chosen_items(
    codec: Codec, media: MediaSource, reading: InputSettings, progress: Progress, go_on: GoOn
) -> Iterator[Item]:
    """The frames and the sound that are wanted, read ahead, restored and resized."""
    selection = reading.selection
    if reading.restoration is None:
        yield from _chosen(media, Chooser(selection, media.clip), progress, go_on)
        return
    chooser = Chooser(replace(selection, scale=None), media.clip)
    for item in restored_items(codec, _chosen(media, chooser, progress, go_on), reading.restoration):
        yield replace(item, pixels=selection.resized(item.pixels)) if isinstance(item, Frame) else item


def _chosen(media: MediaSource, chooser: Chooser, progress: Progress, go_on: GoOn) -> Generator[Item, None, None]:
    bases = {stream.index: stream.time_base for stream in media.audio}
    progress.begin(chooser.selection.expected(media.frames, media.clip.rate))
    items = drawn_ahead(iter(media), _READ_AHEAD, go_on)
    try:
        for item in items:
            if isinstance(item, AudioPacket):
                packet = chooser.packet(item, bases[item.stream])
                if packet is not None:
                    yield packet
                continue
            if chooser.takes(item.number, item.pts):
                yield from chooser.begin()
                yield chooser.frame(item)
            elif chooser.over:
                return
            if chooser.begun:
                progress.add(1)
    finally:
        items.close()
