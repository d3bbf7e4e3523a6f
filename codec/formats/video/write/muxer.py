"""Compressed video with sound: MP4 and Matroska by libavformat."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream

from bitstream.errors import RequestError, UnsupportedError
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.formats.video.write.audio import CopiedAudio
from codec.formats.video.write.colour import GREY_LOOK, RGB_LOOK, Converter, look_of
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.encoders import Encoder, chosen_encoder
from codec.formats.video.write.file import FileSink, OutFile
from codec.formats.video.write.matroska import PLACEHOLDER, WideHead
from codec.formats.video.write.sink import SinkSettings
from codec.notes import note
from codec.pixels.frame import Frame

_MUXERS = {"mp4": "mp4", "mkv": "matroska"}
_MOST_UNITS = (1 << 31) - 1  # of a time base, in MP4 and in libavutil's rationals
_FINEST = 1_000_000  # units a second, where the clip's time base does not fit
_MOVIE_UNITS = 10_000_000
_USUAL_RATE = Fraction(25)
_FEWEST = 2  # frames, of which none is a B frame; x265 gives fewer than its delay no sensible decoding times
# For outputs that cannot seek: fragments, each of which can be played as soon as it is written.
_FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof+delay_moov"


class ContainerSink(FileSink):
    """MP4 or Matroska. Timestamps are kept: in the clip's time base by MP4, in milliseconds by Matroska."""

    def __init__(
        self,
        file: OutFile,
        settings: SinkSettings,
        clip: Clip,
        size: tuple[int, int],
        mode: str,
        audio: tuple[AudioStream, ...],
    ) -> None:
        super().__init__(file, size, mode, ConstantRate(settings.rate) if settings.rate else None)
        self._time_base = _fitting(1 / settings.rate if settings.rate else clip.time_base)
        self._durations: dict[int, int] = {}  # of frames inside the encoder, by their pts
        self._held: tuple[av.VideoFrame, int, int] | None = None  # the last frame, its time and duration
        self._step = 0
        self._varies = False
        self._encoded = 0
        self._encoder = encoder = chosen_encoder(settings)
        options, codec = encoder.options(settings), encoder.codec
        look = (GREY_LOOK if mode == "L" else RGB_LOOK) if codec == "ffv1" else look_of(clip, size[1])
        pixel_format = {"L": "gray", "RGB": "bgr0"}.get(mode, "bgra") if codec == "ffv1" else "yuv420p"
        coded = encoder.padded(size)
        self._converter = Converter(pixel_format, look, coded, f"{encoder.words} here")

        wide = settings.kind == "mkv" and clip.pixel_aspect != 1
        self._container = av.open(
            WideHead(file, coded, clip.pixel_aspect) if wide else file,
            "w",
            format=_MUXERS[settings.kind],
            container_options=_container_options(settings.kind, self._time_base, audio, file.seekable(), wide),
        )
        # If the rate is unknown, a guess for the encoder's decisions, without which Matroska states no durations. The
        # times of the frames do not depend on it.
        rate = settings.rate or clip.rate or _USUAL_RATE
        try:
            self._stream = self._opened(encoder, options, pixel_format, coded, rate, settings.threads)
            context = self._stream.codec_context
            context.sample_aspect_ratio = clip.pixel_aspect
            context.colorspace, context.color_range = look.matrix, 2 if look.full else 1
            context.color_primaries, context.color_trc = look.primaries, look.transfer
            if codec == "h265" and settings.kind == "mp4":
                context.codec_tag = "hvc1"
            if wide:
                self._stream.metadata["title"] = PLACEHOLDER
            self._audio = CopiedAudio(self._container, _MUXERS[settings.kind], settings.kind, audio)
            self._container.start_encoding()
            file.check()
        except (av.FFmpegError, ValueError, OverflowError) as error:
            self._release()
            raise UnsupportedError(f"cannot be written as {encoder.words}: {_words(error)}") from error
        except BaseException:
            self._release()
            raise
        if coded != size:
            words = "{} x {}".format
            note(f"{encoder.words} takes no {words(*size)}: padded on the right and below to {words(*coded)}")

    def _opened(
        self,
        encoder: Encoder,
        options: dict[str, str],
        pixel_format: str,
        coded: tuple[int, int],
        rate: Fraction,
        threads: int,
    ) -> VideoStream:
        if encoder.name == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "0")  # else it writes to standard error by itself
        stream = cast(VideoStream, self._container.add_stream(encoder.name, rate=rate, options=options))
        context = stream.codec_context
        context.width, context.height = coded
        context.pix_fmt = pixel_format
        context.time_base = stream.time_base = self._time_base
        context.thread_count = threads
        return stream

    def write_audio(self, packet: AudioPacket) -> None:
        self._audio.write(packet)
        self._file.check()

    def _take(self, frame: Frame) -> None:
        try:
            self._encode(frame)
        except av.FFmpegError as error:
            raise self._refused(error) from error

    def _finish(self) -> None:
        try:
            self._encode_last()
            self._mux(None)
            self._container.close()
        except av.FFmpegError as error:
            raise self._refused(error) from error

    def _release(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    def _refused(self, error: av.FFmpegError) -> UnsupportedError:
        """The error to raise; raises that of the file if it was the reason."""
        self._file.check()
        return UnsupportedError(f"cannot be written as {self._encoder.words}: {_words(error)}")

    def _encode(self, frame: Frame) -> None:
        """Encode the frame before this one, for the last of all needs special care."""
        pts = round(frame.pts * frame.time_base / self._time_base)
        if self._held is not None:
            step = pts - self._held[1]
            if step <= 0:
                raise RequestError(f"frame {frame.number}: its time is not after that of the frame before")
            self._varies |= self._step not in (0, step)
            self._step = step
            self._encode_held(step)
        image = self._converter.frame(frame.pixels)
        image.pts, image.time_base = pts, self._time_base
        self._held = image, pts, round(frame.duration * frame.time_base / self._time_base)

    def _encode_held(self, duration: int) -> None:
        if self._held is not None:
            image, pts, _ = self._held
            self._durations[pts] = duration
            self._encoded += 1
            self._mux(image)

    def _encode_last(self) -> None:
        if self._held is None:
            return
        image, _, duration = self._held
        duration = duration or self._step or 1
        if self._varies or self._step not in (0, duration):
            # In MP4 the sample that is decoded last tells the end: no B frame, which would be an earlier picture.
            image.pict_type = PictureType.I
        self._encode_held(duration)

    def _mux(self, image: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(image):
            if packet.pts is not None:
                if image is None and self._encoded <= _FEWEST:
                    packet.dts = packet.pts
                packet.duration = self._durations.pop(packet.pts, 0)
            self._container.mux(packet)


def _fitting(time_base: Fraction) -> Fraction:
    fits = time_base.denominator <= _MOST_UNITS and time_base.numerator <= _MOST_UNITS
    return time_base if fits else Fraction(1, _FINEST)


def _container_options(
    kind: str, time_base: Fraction, audio: tuple[AudioStream, ...], seekable: bool, wide: bool
) -> dict[str, str]:
    piped = {} if seekable else {"flush_packets": "1"}  # a reader gets what is complete
    if kind == "mkv":
        # Sound that starts before the first frame is written so, instead of moving the frames.
        return {"avoid_negative_ts": "disabled"} | ({"write_crc32": "0"} if wide else {}) | piped
    units = time_base.denominator
    # Edit lists count in these: the times of all streams should be whole in them.
    movie = math.lcm(units, *(stream.sample_rate or 1 for stream in audio))
    options = {
        "video_track_timescale": str(units),
        "movie_timescale": str(movie if movie <= _MOVIE_UNITS else units),
    }
    return options if seekable else options | {"movflags": _FRAGMENTS} | piped


def _words(error: BaseException) -> str:
    """FFmpeg's message without the name of its function."""
    return (getattr(error, "strerror", None) or str(error)).split(": '")[0]
