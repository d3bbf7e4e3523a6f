"""What every output of decoded frames has in common: its kinds, its settings, and how frames go in.

`open.py` beside it makes one; each kind has a module of its own.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

from bitstream.errors import RequestError
from bitstream.sequence.audio import AudioPacket
from codec.pixels.frame import Frame
from codec.pixels.picture import MODES

Kind = Literal["mp4", "mkv", "y4m", "rgb24", "yuv420p", "png", "gif", "webp"]
VideoCodec = Literal["h264", "h265", "av1", "ffv1"]

_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "mp4": (".mp4", ".m4v", ".mov"),
    "mkv": (".mkv",),
    "y4m": (".y4m",),
    "rgb24": (".rgb",),
    "yuv420p": (".yuv",),
    "png": (),  # a pattern or a folder
    "gif": (".gif",),
    "webp": (".webp",),
}
VIDEO_FORMATS: tuple[Kind, ...] = tuple(_ENDINGS)
NUMBER = re.compile(r"%0?\d*d")


def video_format(path: str) -> Kind | None:
    """The kind of a video output by the ending of its name; "png" for a folder or a pattern such as `%05d.png`."""
    place = Path(path)
    if path.endswith(("/", "\\")) or place.is_dir():
        return "png"
    ending = place.suffix.lower()
    if ending == ".png" and NUMBER.search(place.name):
        return "png"
    return next((kind for kind, endings in _ENDINGS.items() if ending in endings), None)


@dataclass(frozen=True)
class SinkSettings:
    """How frames are written.

    Attributes:
        kind: the format.
        codec: for mp4 h264 (default), h265 or av1; for mkv ffv1 (default) or one of the others.
        quality: the encoder's CRF (0..51, AV1 0..63; lower is better), or WebP's quality (0..100).
        preset: the encoder's own name of its speed (AV1: a number 0..13, WebP 0..6).
        rate: constant frames per second, for which frames are repeated and dropped.
        chroma: "444" keeps the colour of every pixel in y4m, "420" that of every second one each way.
        threads: how many the encoder may use.
    """

    kind: Kind
    codec: VideoCodec | None = None
    quality: int | None = None
    preset: str | None = None
    rate: Fraction | None = None
    chroma: Literal["420", "444"] = "420"
    threads: int = 1


class Sink(ABC):
    """An output that takes frames in order and packets of sound in between.

    As a context manager it calls `close` at the end, `abort` after an error. Every method raises FileAccessError if
    writing fails, BrokenPipeError if a pipe is closed, and UnsupportedError if an encoder fails; after that only
    `abort` may be called.
    """

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Write one frame. Raises RequestError if its size or mode is not that of the output."""

    @abstractmethod
    def write_audio(self, packet: AudioPacket) -> None:
        """Write a packet of one of the streams given to `open_sink`; does nothing in formats without sound."""

    @abstractmethod
    def close(self) -> None:
        """Finish the output and give it its name. Raises RequestError if there was no frame, OutputExistsError."""

    @abstractmethod
    def abort(self, keep: bool) -> str | None:
        """Stop without finishing the output. Never raises.

        With `keep`, what was written is finished under the target's name with `.part` before its ending, and that
        name is returned; None if there was nothing to keep. Without, it is removed.
        """

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort(keep=False)
            return
        try:
            self.close()
        except BaseException:
            self.abort(keep=False)
            raise


def check_frame(frame: Frame, size: tuple[int, int], mode: str) -> None:
    """Raise RequestError if a frame has another size or mode."""
    height, width, channels = frame.pixels.shape
    if frame.size != size or MODES[channels] != mode:
        raise RequestError(
            f"frame {frame.number} is {width} x {height} {MODES[channels]}, not {size[0]} x {size[1]} {mode}"
        )
