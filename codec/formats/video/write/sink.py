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
    """The kind of output that a name asks for: by its ending, "png" for a pattern such as `%05d.png` or a folder."""
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

    `codec` counts in mp4 (default h264; h265, av1) and mkv (default ffv1; the others too). `quality` is the
    encoder's CRF (0..51, AV1 0..63; lower is better) or WebP's quality (0..100), `preset` the encoder's own name
    of its speed (AV1: a number 0..13, WebP 0..6). `rate` asks for constant frames a second: frames are repeated
    and dropped for it. `chroma` "444" keeps the colours of every pixel in y4m. `threads` are the encoder's.
    """

    kind: Kind
    codec: VideoCodec | None = None
    quality: int | None = None
    preset: str | None = None
    rate: Fraction | None = None
    chroma: Literal["420", "444"] = "420"
    threads: int = 1


class Sink(ABC):
    """Takes frames in order and packets of sound in between; a context manager that closes, or aborts on an error.

    Every method raises FileAccessError where writing fails, a closed pipe BrokenPipeError as it comes;
    UnsupportedError where an encoder gives up. After an error only `abort` is left.
    """

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Raises RequestError for a frame of another size or mode than the sink was opened for."""

    @abstractmethod
    def write_audio(self, packet: AudioPacket) -> None:
        """Take a packet of one of the streams that the sink was opened with; nothing where the kind has no sound."""

    @abstractmethod
    def close(self) -> None:
        """Finish the output and give it its name. Raises RequestError where no frame came, OutputExistsError."""

    @abstractmethod
    def abort(self, keep: bool) -> str | None:
        """Stop. With `keep`, finish what is there under the name of the target with `.part` before its ending, and
        return that name (None: nothing could be kept); else remove it. Never raises."""

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
    """Raises RequestError for a frame of another size or mode."""
    height, width, channels = frame.pixels.shape
    if frame.size != size or MODES[channels] != mode:
        raise RequestError(
            f"frame {frame.number} is {width} x {height} {MODES[channels]}, not {size[0]} x {size[1]} {mode}"
        )
