"""Noisy or grey picture or video -> a restored one, both in any format that is known, `.wisp` included."""

from __future__ import annotations

import time

from codec.api import Codec
from codec.files.output import Writing
from codec.files.source import ByteSource, read_file
from codec.formats.pictures.load import load_picture
from codec.formats.pictures.save import save_picture
from codec.formats.video.write.open import open_sink
from codec.jobs.decode_picture import picture_kind
from codec.jobs.decode_video import filled, sequence_kind, sink_settings
from codec.jobs.encode_video import encode_video
from codec.jobs.media import GoOn, chosen_items, open_media
from codec.jobs.settings import DecodeReport, DecodeSettings, InputSettings
from codec.pixels.picture import Picture
from codec.restore.restore import restored
from codec.settings import EncodeSettings
from codec.work.progress import Progress

WISP = "wisp"  # the format of an output, beside those of `wisp decode`
_RESTORING = 0.9  # of the time, about


def becomes_wisp(wanted: str | None, target: str) -> bool:
    """Whether the output is a `.wisp` file: as wanted, else by the target's ending."""
    return target.lower().endswith(f".{WISP}") if wanted is None else wanted == WISP


def restore_picture(
    codec: Codec,
    source: ByteSource,
    target: str,
    reading: InputSettings,
    settings: DecodeSettings,
    encoding: EncodeSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
) -> DecodeReport:
    """Restore the picture in a file or stream and write it into the file `target`; "-" is standard output.

    Args:
        reading: what is done to it, and what is left out.
        settings: of the output: format, output_quality. A format of "wisp" is possible, too.
        encoding: of a `.wisp` output.

    Raises as `Codec.decode`, `Codec.encode` and `restored`; OutputExistsError, FileAccessError.
    """
    start, share = time.perf_counter(), progress or Progress()
    is_wisp = becomes_wisp(settings.format, target)
    kind = WISP if is_wisp else picture_kind(settings.format, target)
    writing.check(target, source.path)
    picture = read_any(codec, source).without(reading.strip)
    if reading.restoration is not None:
        picture = restored(codec, picture, reading.restoration, share.within(0.0, _RESTORING))
    if is_wisp:
        data = memoryview(codec.encode_picture(picture, encoding, progress=share.within(_RESTORING, 1.0)).data)
    else:
        data = save_picture(picture, kind, settings.output_quality)
    writing.write(target, data, source.path)
    return DecodeReport(size=picture.size, mode=picture.mode, seconds=time.perf_counter() - start, bytes=len(data))


def restore_video(
    codec: Codec,
    source: ByteSource,
    target: str,
    reading: InputSettings,
    settings: DecodeSettings,
    encoding: EncodeSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
    go_on: GoOn = lambda: True,
) -> DecodeReport:
    """Restore the video in a file or stream and write it, with its timestamps and sound; "-" is standard output.

    Args:
        reading: what is read, and what is done to it.
        settings: of the output: format, how frames are written, audio. A format of "wisp" is possible, too.
        encoding: of a `.wisp` output.
        go_on: once it says no, the output ends early, as in `encode_video` and `decode_video`.

    Raises as these.
    """
    start, selection = time.perf_counter(), reading.selection
    if becomes_wisp(settings.format, target):
        report = encode_video(codec, source, target, encoding, reading, writing, progress=progress, go_on=go_on)
        return DecodeReport(
            size=report.size,
            mode=report.mode,
            seconds=report.seconds,
            frames=report.frames,
            interrupted=report.interrupted,
            kept=target if report.interrupted and report.frames else None,
        )
    with open_media(codec, source, reading, sound=reading.audio) as media:
        mode = media.mode if reading.restoration is None else reading.restoration.mode(media.mode)
        size = selection.size(media.size)
        sink = open_sink(
            target,
            sink_settings(settings, sequence_kind(settings.format, target)),
            selection.clip(media.clip),
            size,
            mode,
            media.audio,
            writing=writing,
            source=source.path,
        )
        frames, kept = filled(sink, chosen_items(codec, media, reading, progress or Progress(), go_on), go_on)
    seconds = time.perf_counter() - start
    return DecodeReport(size=size, mode=mode, seconds=seconds, frames=frames, interrupted=not go_on(), kept=kept)


def read_any(codec: Codec, source: ByteSource) -> Picture:
    """A picture from a `.wisp` file, or from one of another format. Raises as decoding and load_picture."""
    if source.kind is None:
        return load_picture(source)
    still = read_file(source)
    return Picture(codec.decode_still(still).picture.pixels, still.metadata)
