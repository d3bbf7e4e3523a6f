"""Frames in: `VideoWriter`, frame by frame, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from numbers import Integral
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from bitstream.errors import RequestError
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.api import Codec, default_codec
from codec.files.output import Output, Writing
from codec.formats.pictures.load import PictureSource
from codec.sequence.encoder import SequenceEncoder, WrittenFrame
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.pace import Pace
from codec.settings import DEFAULT_QUALITY, EncodeOptions, EncodeSettings

if TYPE_CHECKING:
    from typing_extensions import Unpack

_NTSC = 1001
_NTSC_NEAR = Fraction(1, 200)  # frames a second


def frame_rate(rate: float | Fraction | str) -> Fraction:
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
        file: a path, under which the file appears when it is whole (until then it is FILE.part), or a binary
            file object, which may be a pipe and is flushed with every frame.
        size: (width, height) in pixels of every frame.
        rate: frames a second; None where every call of `write` gives a timestamp.
        quality: 0..100, as of `encode`.
        target_bitrate: 1000 bits a second to reach on average over the clip; `quality` is ignored.
        time_base: seconds of one unit of the timestamps; by default 1 / rate, or 1/1000 without a rate.
        mode: "RGB", "RGBA", "L" or "LA": the channels of a frame.
        metadata: ICC profile, EXIF, XMP of the whole.
        audio: streams of sound, whose packets `write_audio` takes.
        overwrite: replace a file that exists.
        codec: encodes the frames; by default the one behind `encode`.
        settings: the other fields of `EncodeSettings`: lossless, exact, effort, tune, tile, regions.

    Raises:
        OutputExistsError, FileAccessError, LimitError; RequestError, ValueError, TypeError: arguments.
    """

    def __init__(
        self,
        file: str | PathLike[str] | BinaryIO,
        size: tuple[int, int],
        rate: float | Fraction | str | None = None,
        *,
        quality: float = DEFAULT_QUALITY,
        target_bitrate: float | None = None,
        time_base: Fraction | None = None,
        mode: str = "RGB",
        metadata: Metadata | None = None,
        audio: Sequence[AudioStream] = (),
        overwrite: bool = False,
        codec: Codec | None = None,
        **settings: Unpack[EncodeOptions],
    ) -> None:
        chosen = EncodeSettings(quality=quality, **settings)
        if chosen.lossless and target_bitrate is not None:
            raise ValueError("a target bitrate and lossless exclude each other")
        pace = None if target_bitrate is None else Pace(target_bitrate)
        encoder = FrameEncoder(codec or default_codec(), chosen)
        self._output = Output(file, Writing(overwrite), part=True).open()
        try:
            self._encoder = SequenceEncoder(
                self._output,  # type: ignore[arg-type]  # as much of a file as is needed
                _clip(rate, time_base),
                size,
                mode,
                encoder,
                pace=pace,
                metadata=metadata,
                audio=audio,
            )
        except BaseException:
            self._output.discard()
            raise
        self._closed = False

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of every frame."""
        return self._encoder.size

    @property
    def mode(self) -> str:
        """The channels of a frame: "RGB", "RGBA", "L" or "LA"."""
        return self._encoder.mode

    @property
    def clip(self) -> Clip:
        """Timing and colours."""
        return self._encoder.clip

    @property
    def frames(self) -> int:
        """Written so far."""
        return self._encoder.frames

    @property
    def bytes(self) -> int:
        """Written so far."""
        return self._encoder.bytes

    def write(self, frame: PictureSource, pts: int | None = None, duration: int | None = None) -> WrittenFrame:
        """Code a frame and write it; one that equals its predecessor costs a few bytes.

        Args:
            frame: (H, W, C) uint8, or whatever else `encode` takes, of the writer's size and mode.
            pts: when it is shown, in units of the time base, later than the frame before; by default one frame
                after that.
            duration: for how long, in units of the time base; by default one frame at the nominal rate.

        Raises:
            RequestError: another size or mode, a timestamp that does not rise. FileAccessError, BrokenPipeError.
        """
        self._check_open()
        return self._encoder.write(frame, pts, duration)

    def write_audio(self, packet: AudioPacket) -> None:
        """A packet of one of the streams of sound, between the frames where it belongs by its time."""
        self._check_open()
        self._encoder.write_audio(packet)

    def close(self) -> None:
        """Write index and end, and give the file its name. Raises RequestError where no frame came."""
        if self._closed:
            return
        try:
            self._encoder.finish()
        except RequestError:
            self.abort()
            raise
        self._output.commit()
        self._closed = True

    def abort(self) -> None:
        """Stop, and remove the unfinished file."""
        self._closed = True
        self._output.discard()

    def __repr__(self) -> str:
        width, height = self.size
        return f"VideoWriter({self._output.name!r}, {width}x{height} {self.mode}, {self.frames} frames)"

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


def _clip(rate: float | Fraction | str | None, time_base: Fraction | None) -> Clip:
    nominal = None if rate is None else frame_rate(rate)
    if time_base is None:
        time_base = Fraction(1, 1000) if nominal is None else 1 / nominal
    return replace(Clip(time_base), rate=nominal)
