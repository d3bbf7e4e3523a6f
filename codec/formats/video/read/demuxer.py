"""Containers through FFmpeg: the frames of the best video stream as they are decoded, and the packets of sound."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.stream import Disposition

from bitstream.errors import FileAccessError, LimitError, UnsupportedError, WispError
from bitstream.limits import MAX_PIXELS, check_dimensions
from bitstream.sequence.audio import MAX_STREAMS, AudioPacket, AudioStream
from codec.files.source import ByteSource
from codec.formats.video.read.audio import copied, described
from codec.formats.video.read.colour import check_dynamic_range
from codec.formats.video.read.deinterlace import field_order
from codec.formats.video.read.timing import nominal_rate
from codec.formats.video.read.truncation import is_cut_short
from codec.notes import note
from codec.work.threads import thread_count

# Demuxers of FFmpeg that read single pictures, or text as a picture of it.
_STILLS = ("image2", "ico", "tty", "bin", "xbin", "adf", "idf", "alias_pix", "brender_pix", "webp", "gif", "apng")
_PICTURES_IN_PIPES = "_pipe"
_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
_BUFFER_BYTES = 1 << 16
_PATIENCE = 1.0  # seconds that closing waits for another thread
_MOST_FAULTS = 100  # of the container in a row, after each of which reading goes on
# How much FFmpeg reads of a pipe before the first packet: next to nothing of Matroska and MP4, whose headers say all,
# and a fifth of a second of others, instead of five seconds.
_BY_SIGNATURE = ((b"\x1aE\xdf\xa3", 0, "matroska"), (b"ftyp", 4, "mov"))
_LEAST_PROBING = {"probesize": "32", "analyzeduration": "1", "fpsprobesize": "0"}
_LITTLE_PROBING = {"analyzeduration": "200000", "fpsprobesize": "0"}
_LIMITS = {"max_pixels": str(MAX_PIXELS)}
_BEFORE_INDEX = (b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pdin", b"sidx")
_MOST_INDEX_BYTES = 1 << 24
_SIZE_IN_HEADER = ("mov", "matroska", "avi")
_WITH_ALPHA = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # FFmpeg's own decoders leave alpha out


def has_video(source: ByteSource) -> bool:
    """Whether FFmpeg finds a video stream. Moves the position of the source."""
    try:
        with _opened(_Feed(source)) as container:
            return _best_video(container) is not None
    except (FileAccessError, LimitError):
        return False


class _Feed:
    """What PyAV reads from. It swallows some exceptions of a read (KeyboardInterrupt among them): they are kept."""

    def __init__(self, source: ByteSource) -> None:
        self.source, self.seekable, self.seek, self.tell = source, source.seekable, source.seek, source.tell
        self.name = ""  # by whose ending FFmpeg guesses where it may
        self._fault: BaseException | None = None

    def read(self, count: int) -> bytes:
        """At least one byte and at most `count`; none at the end, and where that fails."""
        try:
            return self.source.read1(count)
        except BaseException as error:
            self._fault = error
            return b""

    def check(self) -> None:
        """Raise what a `read` has come upon."""
        if (fault := self._fault) is not None:
            self._fault = None
            raise fault


class Demuxed:
    """The streams of a container, as `Decoded` of `frames.py` describes them.

    Raises FileAccessError (no video, not readable), LimitError, UnsupportedError (HDR, no decoder).
    """

    def __init__(self, source: ByteSource, *, strict: bool, audio: bool) -> None:
        self._feed, self._strict = _Feed(source), strict
        self._damaged = self._packets = 0
        self._in_ffmpeg, self._closed = threading.Lock(), False
        self._cut_short = is_cut_short(source)
        if strict and self._cut_short:
            raise FileAccessError("is truncated")
        self._container = _opened(self._feed)
        try:
            self._set_up(source, audio)
        except BaseException:
            self._container.close()
            raise

    def _set_up(self, source: ByteSource, audio: bool) -> None:
        stream = _best_video(self._container)
        if stream is None:
            raise FileAccessError("has no video stream")
        if stream.codec_context is None:
            raise UnsupportedError("has video of a codec that FFmpeg cannot decode here")
        self._stream, self._decoder = stream, _decoder(stream, streaming=not source.seekable())
        width, height = stream.codec_context.width, stream.codec_context.height
        if width and height:
            check_dimensions(width, height)
        elif self._container.format.name.startswith(_SIZE_IN_HEADER):  # which FFmpeg forgets where it is too large
            raise LimitError(f"has frames of no size, or too large a one: at most {MAX_PIXELS} pixels are allowed")
        check_dynamic_range(self._decoder.color_trc)
        self.time_base = stream.time_base
        self.field_order = field_order(stream.codec_context.field_order)
        self.colour_range, self.matrix = int(self._decoder.color_range), int(self._decoder.colorspace)
        self.rate = nominal_rate(stream.guessed_rate, stream.average_rate, stream.codec_context.framerate)
        self.duration = self._expected_duration()
        self.frames = stream.frames or (round(self.duration * self.rate) if self.duration and self.rate else None)
        self._sound = self._choose_sound() if audio else {}
        self.audio = tuple(description for description, _ in self._sound.values())
        self._note_left_out()

    @property
    def aspect(self) -> Fraction:
        """Width of a pixel by its height, known at the latest with the first frame."""
        return self._stream.sample_aspect_ratio or self._decoder.sample_aspect_ratio or Fraction(1)

    def events(self) -> Iterator[av.VideoFrame | AudioPacket]:
        """Frames in the order of presentation, and packets as they come.

        What cannot be decoded is left out, or raises FileAccessError if `strict`; frames that the decoder has concealed
        errors in are kept.
        """
        for packet in self._read():
            if packet.stream_index == self._stream.index:
                self._packets += 1
                self._cut_short = self._cut_short or packet.is_corrupt
                yield from self._decoded(packet)
            else:
                yield copied(packet, self._sound[packet.stream_index][0].index)
        yield from self._decoded(None)
        if self._strict and self._cut_short:
            raise FileAccessError("is truncated")

    def note_damage(self) -> None:
        """Note how much was damaged or missing."""
        if self._damaged:
            note(f"{self._damaged} of {self._packets} video packets damaged")
        if self._cut_short:
            note("is truncated: what is left of it is used")

    def close(self) -> None:
        """Free FFmpeg's memory, unless another thread still waits for a pipe within FFmpeg, which would crash."""
        if self._in_ffmpeg.acquire(timeout=_PATIENCE):
            self._closed = True
            self._container.close()
            self._in_ffmpeg.release()

    def _read(self) -> Iterator[av.Packet[Any]]:
        """The packets with content of the streams that are wanted."""
        wanted = [self._stream, *(stream for _, stream in self._sound.values())]
        faults = 0
        while faults < _MOST_FAULTS:
            try:
                packets = self._container.demux(wanted)
                while (packet := self._next(packets)) is not None:
                    self._feed.check()
                    if packet.size:
                        faults = 0
                        yield packet
                self._feed.check()
                return
            except WispError:
                raise
            except IndexError:  # PyAV's, at the very end, where a stream has appeared in the middle
                return
            except (av.FFmpegError, OSError) as error:
                self._feed.check()
                self._cut_short = True
                if self._strict:
                    raise FileAccessError(f"is damaged: {_reason(error)}") from error
                faults += 1

    def _next(self, packets: Iterator[av.Packet[Any]]) -> av.Packet[Any] | None:
        with self._in_ffmpeg:
            return None if self._closed else next(packets, None)

    def _decoded(self, packet: av.Packet[Any] | None) -> Iterator[av.VideoFrame]:
        """The frames that are ready with this packet; those that are left if it is None."""
        while True:
            try:
                with self._in_ffmpeg:
                    frames: list[Any] = [] if self._closed else self._decoder.decode(packet)
            except av.EOFError:
                return
            except av.FFmpegError as error:
                if self._strict:
                    raise FileAccessError(f"video packet {self._packets} is damaged: {_reason(error)}") from error
                self._damaged += 1
                if packet is None and self._damaged < self._packets + _MOST_FAULTS:
                    continue  # frames may follow the one that failed
                return
            break
        for frame in frames:
            if frame.is_corrupt:
                if self._strict:
                    raise FileAccessError(f"video packet {self._packets} is damaged")
                self._damaged += 1
            frame.time_base = self.time_base
            yield frame

    def _choose_sound(self) -> dict[int, tuple[AudioStream, Any]]:
        """Stream of the container -> its description here, and PyAV's."""
        chosen: dict[int, tuple[AudioStream, Any]] = {}
        for stream in self._container.streams.audio:
            description = described(stream, len(chosen))
            if description is None or len(chosen) == MAX_STREAMS:
                note(f"sound stream {stream.index} is of a kind that cannot be kept, and is left out")
            else:
                chosen[stream.index] = description, stream
        return chosen

    def _note_left_out(self) -> None:
        left = [s for s in self._container.streams if s.type not in ("video", "audio")]
        more = [s for s in self._container.streams.video if s is not self._stream and not s.disposition & _NO_VIDEO]
        if left:
            kinds = " and ".join(sorted({"subtitles" if s.type == "subtitle" else "data" for s in left}, reverse=True))
            note(f"{kinds} left out ({len(left)} {'streams' if len(left) > 1 else 'stream'})")
        if more:
            note(f"video stream {self._stream.index} is taken, {len(more)} more left out")

    def _expected_duration(self) -> float | None:
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        return self._container.duration / av.time_base if self._container.duration else None


def _opened(feed: _Feed) -> InputContainer:
    source = feed.source
    head = source.peek(12)
    if not head:
        raise FileAccessError("is empty")
    options, kind = dict(_LIMITS), None
    if not source.seekable() and head[4:8] == b"ftyp":
        _read_index_of_mp4(source)
    if not source.seekable():
        kind = next((name for sign, at, name in _BY_SIGNATURE if head[at : at + len(sign)] == sign), None)
        options |= _LEAST_PROBING if kind else _LITTLE_PROBING
    try:
        container = _av_open(feed, kind, options)
    except (av.FFmpegError, OSError, ValueError) as error:
        feed.check()
        raise FileAccessError(f"cannot be read as video: {_reason(error)}") from error
    feed.check()
    names = container.format.name.split(",")
    if any(name in _STILLS or name.endswith(_PICTURES_IN_PIPES) for name in names):
        container.close()
        raise FileAccessError("is no video")
    return container


def _av_open(feed: _Feed, kind: str | None, options: dict[str, str]) -> InputContainer:
    """Open by content; if that fails, as for some elementary streams, by the ending of the name."""
    try:
        return av.open(
            feed,
            "r",
            format=kind,
            options=options,
            metadata_errors="replace",
            buffer_size=_BUFFER_BYTES,
            io_open=_refuse,
        )
    except (av.InvalidDataError, av.EOFError):
        feed.check()
        if feed.name or feed.source.path is None:
            raise
    feed.name = str(feed.source.path)
    feed.seek(0)
    return _av_open(feed, kind, options)


def _read_index_of_mp4(source: ByteSource) -> None:
    """Read ahead all of an MP4's index: FFmpeg reads parts of it twice, which fails on small pieces of a pipe.

    A pipe with its index at the end is read to that end first.
    """
    at = 0
    while len(head := source.peek(at + 8)[at:]) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"moov" and length <= _MOST_INDEX_BYTES:
            source.peek(at + length)
        if kind in (b"mdat", b"moof"):
            source.make_seekable()
        if kind not in _BEFORE_INDEX or not 8 <= length <= _MOST_INDEX_BYTES:
            return
        at += length


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    """Refuse what a playlist or the like refers to: only the source itself is opened."""
    raise PermissionError(f"refers to another file, {url}, which is not opened")


def _reason(error: Exception) -> str:
    """FFmpeg's message, or that of `_refuse`."""
    return getattr(error, "strerror", None) or str(error)


def _best_video(container: InputContainer) -> Any:
    """The video stream that FFmpeg prefers, but never cover art."""
    best: Any = container.streams.best("video")
    if best is not None and not best.disposition & _NO_VIDEO:
        return best
    return next((stream for stream in container.streams.video if not stream.disposition & _NO_VIDEO), None)


def _decoder(stream: Any, *, streaming: bool) -> Any:
    """The stream's decoder, not yet opened; `streaming` makes it give each frame as soon as possible."""
    decoder = stream.codec_context
    alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    if alpha and decoder.codec.canonical_name in _WITH_ALPHA:
        try:
            special = av.CodecContext.create(_WITH_ALPHA[decoder.codec.canonical_name], "r")
            special.thread_count = thread_count()
            special.open()
        except (av.FFmpegError, ValueError):
            note("transparency cannot be decoded here and is left out")
        else:
            return special
    decoder.options = {**_LIMITS, "err_detect": "crccheck"}
    decoder.thread_count = thread_count()
    decoder.thread_type = "SLICE" if streaming else "AUTO"  # a thread a frame delays each by their number
    if streaming and decoder.name == "libdav1d":
        decoder.flags |= Flags.low_delay
    return decoder
