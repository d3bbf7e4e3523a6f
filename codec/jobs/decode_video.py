"""`.wisp` sequence -> video file, pictures or stream."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path

from bitstream.errors import CorruptError, FileAccessError, RequestError, WispError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.record import Record
from codec.api import Codec
from codec.files.output import STDOUT, Writing
from codec.files.paths import is_special
from codec.files.source import ByteSource
from codec.formats.pictures.save import picture_format
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import VIDEO_FORMATS, Kind, Sink, SinkSettings, video_format
from codec.jobs.selection import Chooser, Selection
from codec.jobs.settings import DecodeReport, DecodeSettings
from codec.pixels.frame import Frame
from codec.sequence.video import Video, open_video
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress
from codec.work.threads import thread_count

DEFAULT_KIND: Kind = "mp4"  # where nothing says otherwise
_STREAM: Kind = "y4m"  # likewise into standard output
_AHEAD = 2  # frames decoded ahead of the output


def decode_video(
    codec: Codec,
    source: ByteSource,
    target: str,
    settings: DecodeSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> DecodeReport:
    """`.wisp` sequence -> video file, pictures or stream; `target` "-" is stdout.

    A fault in the middle ends the output there: what was written is kept under a name of its own, which the error
    tells. So it is once `go_on` says no. Raises as open_video, and as codec.formats.video.write.open.open_sink.
    """
    start, selection = time.perf_counter(), settings.selection
    with open_video(
        source, codec=codec, workers=settings.workers, salvage=settings.salvage, fast=settings.fast
    ) as video:
        sink = open_sink(
            target,
            sink_settings(settings, sequence_kind(settings.format, target)),
            selection.clip(video.clip),
            selection.size(video.size),
            video.mode,
            video.audio if settings.audio else (),
            writing=writing,
            source=source.path,
        )
        items = _wanted(video, settings, progress or Progress(), go_on)
        frames, kept = filled(sink, items, go_on, some=settings.salvage)
        size = selection.size(video.size)
        seconds, interrupted = time.perf_counter() - start, not go_on()
        return DecodeReport(
            size=size,
            mode=video.mode,
            seconds=seconds,
            frames=frames,
            lost=video.lost,
            whole=video.whole,
            interrupted=interrupted,
            kept=kept,
        )


def sequence_kind(wanted: str | None, target: str) -> Kind:
    """The output's format: as wanted, else by the target's ending. Raises RequestError for one of stills only."""
    if wanted is not None:
        found: Kind | None = next((kind for kind in VIDEO_FORMATS if kind == wanted), None)
        if found is None:
            raise RequestError(f"is a sequence, which is written as {', '.join(VIDEO_FORMATS)}, not as {wanted}")
        return found
    if target == STDOUT:
        return _STREAM
    kind = video_format(target)
    unknown = Path(target).suffix and picture_format(target) is None and not is_special(Path(target))
    if kind is None and (unknown or picture_format(target) not in (None, "png")):
        raise RequestError(f"is a sequence, which is written as {', '.join(VIDEO_FORMATS)}, not into {target}")
    return kind or ("png" if picture_format(target) else DEFAULT_KIND)


def sink_settings(settings: DecodeSettings, kind: Kind) -> SinkSettings:
    """How frames are written. Raises RequestError for what the format cannot do."""
    if settings.chroma != "420" and kind != "y4m":
        raise RequestError(f"chroma {settings.chroma} is for y4m, not for {kind}")
    for name in ("crf", "preset"):
        if getattr(settings, name) is not None and kind not in ("mp4", "mkv", "webp"):
            raise RequestError(f"{name} is for mp4, mkv and webp: {kind} has nothing to choose")
    return SinkSettings(
        kind, settings.video_codec, settings.crf, settings.preset, settings.rate, settings.chroma, thread_count()
    )


def filled(
    sink: Sink, items: Iterator[Frame | AudioPacket], go_on: Callable[[], bool], *, some: bool = False
) -> tuple[int, str | None]:
    """Write everything and close -> how many frames; where it was interrupted the name of what is kept.

    With `some`, no frame at all raises CorruptError. After an error nothing is left open.
    """
    frames = 0
    try:
        for item in items:
            if isinstance(item, AudioPacket):
                sink.write_audio(item)
            else:
                sink.write(item)
                frames += 1
        if not go_on():
            return frames, sink.abort(keep=True)
        if not frames and some:
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
    video: Video, settings: DecodeSettings, progress: Progress, go_on: Callable[[], bool]
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
