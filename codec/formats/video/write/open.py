"""Opening an output: a video file, an animation, numbered pictures or a stream, by its settings.

Each kind is imported when it is asked for: PyAV takes a while to load.
"""

from __future__ import annotations

from pathlib import Path

from bitstream.errors import RequestError
from bitstream.sequence.audio import AudioStream
from bitstream.sequence.clip import Clip
from codec.files.output import Writing
from codec.formats.video.write.file import OutFile
from codec.formats.video.write.sink import Sink, SinkSettings
from codec.notes import note

_CONTAINERS = ("mp4", "mkv")  # which hold sound, and have a choice of codec


def open_sink(
    target: str,
    settings: SinkSettings,
    clip: Clip,
    size: tuple[int, int],
    mode: str,
    audio: tuple[AudioStream, ...] = (),
    *,
    writing: Writing | None = None,
    source: Path | None = None,
) -> Sink:
    """Begin an output. Notes say what its format cannot hold.

    Args:
        target: a path, "-" for stdout, a device or a named pipe; for "png" a folder, which is made if it is missing,
            or a pattern such as `frame-%05d.png`.
        settings: the format and its options.
        clip: timing and colours of the frames.
        size: (width, height) in pixels of every frame.
        mode: "L", "LA", "RGB" or "RGBA", of every frame.
        audio: the streams of sound that packets will belong to.
        writing: how the output is written; by default no file that exists is replaced.
        source: the file that is read, which is never written over.

    Raises:
        OutputExistsError, FileAccessError, RequestError (settings that do not fit), UnsupportedError.
    """
    if settings.rate is not None and settings.rate <= 0:
        raise RequestError(f"a rate of {settings.rate} frames a second is not possible")
    if settings.codec is not None and settings.kind not in _CONTAINERS:
        raise RequestError(f"{settings.kind} has no choice of codec: {settings.codec} goes into mp4 or mkv")
    if audio and settings.kind not in _CONTAINERS:
        note(f"{settings.kind} holds no sound: it is left out")
    if settings.kind == "png":
        from codec.formats.video.write.pictures import PictureSink

        return PictureSink(target, size, mode, writing or Writing(), source)

    file = OutFile(target, writing, sources=[source])
    try:
        file.open()
        if settings.kind in _CONTAINERS:
            from codec.formats.video.write.muxer import ContainerSink

            return ContainerSink(file, settings, clip, size, mode, audio)
        if settings.kind == "gif":
            from codec.formats.video.write.gif import GifSink

            return GifSink(file, settings, size, mode)
        if settings.kind == "webp":
            from codec.formats.video.write.webp import WebpSink

            return WebpSink(file, settings, size, mode)
        from codec.formats.video.write.rawvideo import RawSink

        return RawSink(file, settings, clip, size, mode)
    except BaseException:
        file.discard()
        raise
