"""Files to files: what `wisp decode` does with a sequence."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bitstream.errors import CorruptError, FileAccessError, WispError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.record import Record
from codec.jobs.picture_files import Writing
from codec.jobs.selection import Chooser, Selection
from codec.pixels.frame import Frame
from codec.sequence.video import Video, open_video
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress

if TYPE_CHECKING:
    from codec.api import Codec
    from codec.formats.video.write.sink import Sink, SinkSettings

_AHEAD = 2  # frames decoded ahead of the output


@dataclass(frozen=True)
class DecodeVideoSettings:
    """`sink` says what is written and how; with `salvage` what is damaged is left out; `workers` as of open_video."""

    sink: SinkSettings
    selection: Selection = field(default_factory=Selection)
    audio: bool = True
    salvage: bool = False
    workers: int | None = None


@dataclass(frozen=True)
class DecodeVideoReport:
    """What was written: of `frames`; `lost` ones were left out, `whole` is false where anything was damaged.

    Of an output that was interrupted `kept` is the name of what there is.
    """

    size: tuple[int, int]
    mode: str
    frames: int
    lost: int
    whole: bool
    seconds: float
    interrupted: bool
    kept: str | None


def decode_video(
    codec: Codec,
    source: str | BinaryIO,
    target: str,
    settings: DecodeVideoSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> DecodeVideoReport:
    """`.wisp` sequence -> video file, pictures or stream; `target` "-" is stdout.

    A fault in the middle ends the output there: what was written is kept under a name of its own, which the error
    tells. So it is once `go_on` says no. Raises as open_video, and as codec.formats.video.write.open.open_sink.
    """
    from codec.formats.video.write.open import open_sink

    start, selection = time.perf_counter(), settings.selection
    with open_video(source, codec=codec, workers=settings.workers, salvage=settings.salvage) as video:
        sink = open_sink(
            target,
            settings.sink,
            selection.clip(video.clip),
            selection.size(video.size),
            video.mode,
            video.audio if settings.audio else (),
            overwrite=writing.overwrite,
            source=Path(source) if isinstance(source, str) else None,
            make_folders=writing.make_folders,
        )
        frames, kept = _filled(sink, video, settings, progress or Progress(), go_on)
        size = selection.size(video.size)
        seconds, interrupted = time.perf_counter() - start, not go_on()
        return DecodeVideoReport(size, video.mode, frames, video.lost, video.whole, seconds, interrupted, kept)


def _filled(
    sink: Sink, video: Video, settings: DecodeVideoSettings, progress: Progress, go_on: Callable[[], bool]
) -> tuple[int, str | None]:
    """Write everything that is wanted -> how many frames; where it was interrupted the name of what is kept."""
    frames = 0
    try:
        for item in _wanted(video, settings, progress, go_on):
            if isinstance(item, AudioPacket):
                sink.write_audio(item)
            else:
                sink.write(item)
                frames += 1
        if not go_on():
            return frames, sink.abort(keep=True)
        if not frames and settings.salvage:
            raise CorruptError("no frame is intact")
        sink.close()
    except (FileAccessError, BrokenPipeError):
        sink.abort(keep=False)
        raise
    except WispError as error:
        kept = sink.abort(keep=True)
        if kept is None or not frames:
            raise
        raise type(error)(f"{error}; what comes before, {frames} frames, is in {kept}") from error
    except BaseException:
        sink.abort(keep=False)
        raise
    return frames, None


def _wanted(
    video: Video, settings: DecodeVideoSettings, progress: Progress, go_on: Callable[[], bool]
) -> Iterator[Frame | AudioPacket]:
    """Frames and sound as they are to be written, decoded while what came before is written."""
    first, zero = _first(video, settings.selection)
    chooser = Chooser(settings.selection, video.clip, zero)
    bases = {stream.index: stream.time_base for stream in video.audio}
    total = len(video) if video.seekable or video.clip.frames else None
    progress.begin(settings.selection.expected(total, video.rate))
    done = first

    def choose(record: Record) -> bool | None:
        taken = chooser.takes(record.number, record.pts)
        return None if chooser.over else taken

    begin = max(first - 1, 0)  # sound that is heard with the first frame may come right before it
    for item in drawn_ahead(video.items(begin, choose), _AHEAD, go_on):
        if isinstance(item, Frame):
            progress.add(item.number + 1 - done)
            done = item.number + 1
            yield from chooser.begin()
            yield chooser.frame(item)
        elif settings.audio and (packet := chooser.packet(item, bases[item.stream])) is not None:
            yield packet


def _first(video: Video, selection: Selection) -> tuple[int, int | None]:
    """The frame to begin with where leaps are possible, and the timestamp of the clip's first frame."""
    if not video.seekable or not selection.cuts:
        return 0, None
    times = video.times
    if not times:
        return 0, None
    earliest = times[0] + selection.start / video.time_base
    return max(selection.first, bisect_left(times, earliest)), times[0]
