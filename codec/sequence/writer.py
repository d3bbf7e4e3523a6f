"""Frames in: `VideoWriter`, frame by frame, in constant memory."""

from __future__ import annotations

import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Integral
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bitstream.errors import RequestError
from bitstream.limits import check_dimensions
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.record import Record
from bitstream.sequence.writer import SequenceWriter
from codec import DEFAULT_QUALITY
from codec.choices import Tune
from codec.effort import DEFAULT_EFFORT
from codec.files.output import Times
from codec.files.sequence_output import SequenceOutput
from codec.formats.pictures.load import PictureSource, load_picture
from codec.pixels.picture import MODES, Picture
from codec.sequence.frame_encoder import FrameEncoder, FrameSettings, sequence_header, units_under
from codec.sequence.pace import Pace
from codec.still.encode import Encoded
from codec.still.settings import still_settings

if TYPE_CHECKING:
    from codec.api import Codec

_NTSC = 1001
_NTSC_NEAR = Fraction(1, 200)  # frames a second


@dataclass(frozen=True)
class WrittenFrame:
    """What became of a frame: its record, `bytes` in the file, `quality` 0..100 (None: lossless, or a repeat).

    `encoded` is None for a repeat; it holds the latents where the writer keeps them.
    """

    record: Record
    bytes: int
    quality: float | None
    seconds: float
    encoded: Encoded | None


def exact_rate(rate: float | Fraction | str) -> Fraction:
    """Frames a second as a fraction: 29.97 and 23.976 are taken for 30000/1001 and 24000/1001. Raises ValueError."""
    try:
        whole = Fraction(int(rate)) if isinstance(rate, Integral) else Fraction(rate)  # NumPy's integers, too
    except (OverflowError, ZeroDivisionError) as error:
        raise ValueError(f"{rate} is no rate") from error
    value = whole if isinstance(rate, Fraction) else whole.limit_denominator(1_000_000)
    nearest = Fraction(round(value * _NTSC / 1000) * 1000, _NTSC)
    if not isinstance(rate, Fraction) and value.denominator > 1 and abs(value - nearest) < _NTSC_NEAR:
        value = nearest
    if not 0 < value.numerator < 1 << 32 or value.denominator >= 1 << 32:
        raise ValueError(f"{rate} frames a second are out of range")
    return value


class VideoWriter:
    """Writes a `.wisp` sequence: `with VideoWriter("clip.wisp", (640, 360), 25) as video: video.write(frame)`.

    Args:
        target: a path, under which the file appears when it is whole (until then it is TARGET.part), or a binary
            file object, which may be a pipe and is flushed with every frame.
        size: (width, height) in pixels of every frame.
        rate: frames a second; None where `write` is told every timestamp.
        quality: 0..100, as of `codec.encode`.
        lossless: every frame bit-exact; `quality` does not count then.
        target_bitrate: 1000 bits a second to come to on average over the clip, or a Pace; `quality` does not count.
        time_base: seconds of one unit of the timestamps; 1 / rate, or 1/1000, where none is given.
        clip: all of a sequence's timing and colours at once; `rate` and `time_base` do not count then.
        mode: "RGB", "RGBA", "L" or "LA": the channels of a frame.
        effort, tune, tile, exact: as of `codec.encode`.
        metadata: ICC profile, EXIF, XMP of the whole.
        audio: streams of sound, whose packets `write_audio` takes.
        overwrite: replace a file that exists.
        codec: what encodes; by default the one behind `codec.encode`.

    Raises:
        OutputExistsError, FileAccessError, LimitError; ValueError, TypeError: arguments.
    """

    def __init__(
        self,
        target: str | PathLike[str] | BinaryIO,
        size: tuple[int, int],
        rate: float | Fraction | str | None = None,
        *,
        quality: float = DEFAULT_QUALITY,
        lossless: bool = False,
        target_bitrate: float | Pace | None = None,
        time_base: Fraction | None = None,
        clip: Clip | None = None,
        mode: str = "RGB",
        effort: int = DEFAULT_EFFORT,
        tune: Tune = "psnr",
        tile: int | None = None,
        exact: bool = False,
        settings: FrameSettings | None = None,
        metadata: Metadata | None = None,
        audio: Sequence[AudioStream] = (),
        overwrite: bool = False,
        source: Path | None = None,
        make_folders: bool = False,
        keep_latents: bool = False,
        codec: Codec | None = None,
    ) -> None:
        if codec is None:
            from codec.api import default_codec

            codec = default_codec()
        if mode not in MODES.values():
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES.values())}")
        check_dimensions(*size)
        if min(size) < 1:
            raise ValueError(f"a frame of {size[0]} x {size[1]} holds no pixel")
        if settings is None:
            still = still_settings(tile=tile, exact=exact, effort=effort, tune=tune, regions=())
            settings = FrameSettings(still, lossless)
        if settings.lossless and target_bitrate is not None:
            raise ValueError("a target bitrate and lossless exclude each other")
        self.size, self.mode = size, mode
        self.clip = _clip(rate, time_base) if clip is None else replace(clip, frames=0)  # whose number is not known yet
        self._encoder = FrameEncoder(codec, settings)
        self._steps = self._encoder.steps(quality)
        self._pace = Pace(target_bitrate) if isinstance(target_bitrate, (int, float)) else target_bitrate
        self._metadata, self._audio, self._keep_latents = metadata or Metadata(), tuple(audio), keep_latents
        self._writer: SequenceWriter | None = None
        self._waiting: list[AudioPacket] = []  # sound that comes before the first frame
        self._before: Picture | None = None
        self._closed, self._pts = False, 0
        self._told = (0, 0)  # number and timestamp of the last frame that came with one
        self.frames = 0  # written so far
        sources = () if source is None else (source,)
        self._output = SequenceOutput(target, overwrite=overwrite, sources=sources, make_folders=make_folders)

    @property
    def pace(self) -> Pace | None:
        """How the target bitrate was kept."""
        return self._pace

    @property
    def bytes(self) -> int:
        """Written so far."""
        return 0 if self._writer is None else self._writer.offset

    def write(self, frame: PictureSource, pts: int | None = None, duration: int | None = None) -> WrittenFrame:
        """Code a frame and write it; one that equals its predecessor costs a few bytes.

        Args:
            frame: (H, W, C) uint8, or whatever else `codec.encode` takes, of the writer's size and mode.
            pts: when it is shown, in units of the time base, later than the frame before; by default one frame
                after that.
            duration: for how long, in units of the time base; by default one frame at the nominal rate.

        Raises:
            RequestError: another size or mode, a timestamp that does not rise. FileAccessError, BrokenPipeError.
        """
        start = time.perf_counter()
        self._check_open()
        picture = self._checked(load_picture(frame))
        told, pts = pts is not None, self._default_pts() if pts is None else operator.index(pts)
        if duration is None:
            duration = round(1 / self.clip.rate / self.clip.time_base) if self.clip.rate else 0
        duration = operator.index(duration)
        self._check_times(pts, duration)
        before = self.bytes
        encoded, quality = None, None
        if self._writer is not None and self._repeats(picture):
            record = self._writer.repeat(pts, duration)
            if self._pace is not None:
                self._pace.repeated(self._seconds(duration))
        else:
            encoded, steps = self._coded(picture, self._seconds(duration))
            quality = self._encoder.quality(steps)
            writer = self._begun(encoded)
            before = self.bytes  # the header is no part of the first frame
            record = writer.frame(units_under(writer.header, encoded), pts, duration)
        # A copy: the caller may fill the same array anew.
        self._told = (self.frames, pts) if told else self._told
        self._before, self._pts, self.frames = Picture(picture.pixels.copy()), pts, self.frames + 1
        return WrittenFrame(record, self.bytes - before, quality, time.perf_counter() - start, encoded)

    def write_audio(self, packet: AudioPacket) -> None:
        """A packet of one of the streams of sound, between the frames where it belongs by its time."""
        self._check_open()
        if self._writer is None:
            self._waiting.append(packet)
        else:
            self._writer.packet(packet)

    def close(self, times: Times | None = None) -> None:
        """Write index and end, and give the file its name (and `times`). Raises RequestError where no frame came."""
        if self._closed:
            return
        if self._writer is None:
            self.abort()
            raise RequestError("there is no frame to write")
        self._writer.finish()
        self._output.commit(times)
        self._closed = True

    def abort(self) -> None:
        """Stop, and remove what has no name yet."""
        self._closed = True
        self._output.discard()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
        else:
            self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the writer is closed")

    def _check_times(self, pts: int, duration: int) -> None:
        if self.frames and pts <= self._pts:
            raise RequestError(f"frame {self.frames} at {pts} is not later than its predecessor at {self._pts}")
        if not -(1 << 63) <= pts < 1 << 63 or not 0 <= duration < 1 << 32:
            raise RequestError(f"frame {self.frames}: time {pts} or duration {duration} cannot be written")

    def _checked(self, picture: Picture) -> Picture:
        if picture.size != self.size or picture.mode != self.mode:
            width, height = self.size
            raise RequestError(
                f"frame {self.frames} is {picture.size[0]} x {picture.size[1]} {picture.mode},"
                f" not {width} x {height} {self.mode}"
            )
        return Picture(picture.pixels)

    def _default_pts(self) -> int:
        """One frame after the last, counted from the last timestamp that was told, so that nothing adds up."""
        if self.clip.rate is None:
            raise ValueError("without a rate every frame needs its timestamp")
        number, told = self._told
        return told + round((self.frames - number) / self.clip.rate / self.clip.time_base)

    def _seconds(self, duration: int) -> float:
        return float(duration * self.clip.time_base)

    def _repeats(self, picture: Picture) -> bool:
        return self._before is not None and np.array_equal(picture.pixels, self._before.pixels)

    def _coded(self, picture: Picture, seconds: float) -> tuple[Encoded, int]:
        if self._pace is None:
            return self._encoder.encode(picture, self._steps, keep_latents=self._keep_latents), self._steps
        return self._pace.encode(self._encoder, picture, seconds, keep_latents=self._keep_latents)

    def _begun(self, first: Encoded) -> SequenceWriter:
        if self._writer is None:
            header = sequence_header(first, self.clip)
            output: BinaryIO = self._output  # type: ignore[assignment]
            self._writer = SequenceWriter(output, header, self._metadata, self._audio)
            for packet in self._waiting:
                self._writer.packet(packet)
            self._waiting = []
        return self._writer


def _clip(rate: float | Fraction | str | None, time_base: Fraction | None) -> Clip:
    exact = None if rate is None else exact_rate(rate)
    if time_base is None:
        time_base = Fraction(1, 1000) if exact is None else 1 / exact
    return replace(Clip(time_base), rate=exact)
