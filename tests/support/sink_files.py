"""Frames and sound for the tests of video outputs, and plain PyAV to read back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.files.output import Writing
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import SinkSettings
from codec.pixels.frame import Frame
from codec.pixels.picture import MODES

Pixels = NDArray[np.uint8]
SIZE = (80, 64)  # H.265 takes no narrower one
RATE = 25
CLIP = Clip(Fraction(1, RATE), Fraction(RATE))
BARS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0))
GREYS = ((192, 192, 192), (16, 180, 90), (64, 64, 64), (200, 30, 120))


def scene(number: int, channels: int = 3, size: tuple[int, int] = SIZE) -> Pixels:
    """(H, W, channels): blocks that move one pixel a frame; where there is alpha, each is shown or not."""
    width, height = size
    rng = np.random.default_rng(channels)
    blocks = rng.integers(0, 256, (height // 8 + 3, width // 8 + 3, channels), dtype=np.uint8)
    if channels in (2, 4):
        blocks[:, :, -1] = 255 * (blocks[:, :, -1] > 90)
    large = blocks.repeat(8, 0).repeat(8, 1)
    x = number % 16
    return np.ascontiguousarray(large[:height, x : x + width])


def bars() -> Pixels:
    """(64, 192, 3): flat colours, 16 pixels wide."""
    row = np.array(BARS + GREYS, np.uint8).repeat(16, 0)
    return np.ascontiguousarray(np.broadcast_to(row, (64, *row.shape)))


def frames(
    times: Sequence[int] = range(6),
    *,
    channels: int = 3,
    size: tuple[int, int] = SIZE,
    last: int = 1,
    time_base: Fraction = CLIP.time_base,
) -> list[Frame]:
    """Frames at these times, each until the next, the last one for `last` units."""
    ends = [*times[1:], times[-1] + last]
    return [
        Frame(scene(number, channels, size), pts, end - pts, time_base, number)
        for number, (pts, end) in enumerate(zip(times, ends, strict=True))
    ]


def write(
    target: str | Path,
    settings: SinkSettings,
    content: Iterable[Frame],
    clip: Clip = CLIP,
    audio: tuple[AudioStream, ...] = (),
    packets: Iterable[AudioPacket] = (),
    **options: Any,
) -> Path:
    """A whole output; sound, where there is any, comes after its first frame."""
    content = list(content)
    mode = MODES[content[0].pixels.shape[2]]
    with open_sink(str(target), settings, clip, content[0].size, mode, audio, writing=Writing(**options)) as sink:
        sink.write(content[0])
        for packet in packets:
            sink.write_audio(packet)
        for frame in content[1:]:
            sink.write(frame)
    return Path(target)


def read(file: str | Path | bytes) -> tuple[av.VideoStream, list[av.VideoFrame]]:
    """The first video stream, and all of its frames."""
    container = av.open(io.BytesIO(file) if isinstance(file, bytes) else str(file), "r")
    stream = container.streams.video[0]
    return stream, list(container.decode(stream))


def times(file: str | Path | bytes) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    return [frame.pts * frame.time_base for frame in read(file)[1] if frame.pts is not None and frame.time_base]


def planes(frame: av.VideoFrame) -> list[Pixels]:
    """(H, W) of each plane, in samples of one byte."""
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes
    ]


def ycbcr(rgb: NDArray[Any], matrix: int, full: bool) -> NDArray[np.float64]:
    """(..., 3) of 0..255 -> Y, Cb, Cr by the formulas of ITU-T H.273, not rounded."""
    red, blue = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114)}[matrix]
    r, g, b = np.moveaxis(np.asarray(rgb, np.float64) / 255, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    if full:
        return np.stack([255 * y, 255 * cb + 128, 255 * cr + 128], -1)
    return np.stack([219 * y + 16, 224 * cb + 128, 224 * cr + 128], -1)


def rgb_of(samples: NDArray[Any], matrix: int, full: bool) -> NDArray[np.float64]:
    """(..., 3) Y, Cb, Cr -> RGB of 0..255, clipped: the inverse of `ycbcr`."""
    basis = ycbcr(np.eye(3) * 255, matrix, full) - ycbcr(np.zeros(3), matrix, full)
    rgb = (np.asarray(samples, np.float64) - ycbcr(np.zeros(3), matrix, full)) @ np.linalg.inv(basis) * 255
    return np.clip(rgb, 0, 255)


def sound(codec: str, container: str, layout: str = "stereo", seconds: float = 0.5) -> bytes:
    """A file with a tone, by PyAV."""
    file, rate = io.BytesIO(), 48_000
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = layout
        out.start_encoding()
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate, frame_size=size)
        tone = (np.sin(np.arange(int(rate * seconds)) * 0.06) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.stack([tone] * len(stream.layout.channels)), "s16p", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue()


def described(file: bytes | Path, index: int = 0) -> tuple[AudioStream, list[AudioPacket]]:
    """The first sound stream of a file, as the container of Wisp describes it."""
    container = av.open(io.BytesIO(file) if isinstance(file, bytes) else str(file), "r")
    stream = container.streams.audio[0]
    context = stream.codec_context
    assert stream.time_base is not None
    description = AudioStream(
        index=index,
        codec=context.codec.canonical_name,
        time_base=stream.time_base,
        sample_rate=context.sample_rate,
        layout=context.layout.name,
        format=context.format.name if context.format else "",
        extra=context.extradata or b"",
    )
    packets = [
        AudioPacket(index, bytes(packet), packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)
        for packet in container.demux(stream)
        if packet.size
    ]
    return description, packets


def moved(packets: Iterable[AudioPacket], units: int) -> list[AudioPacket]:
    """The same later (or, below 0, earlier)."""
    return [
        replace(
            packet,
            pts=None if packet.pts is None else packet.pts + units,
            dts=None if packet.dts is None else packet.dts + units,
        )
        for packet in packets
    ]


class Pipe(io.RawIOBase):
    """Takes seven bytes at a time at most, and notes how many have come."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        taken = bytes(memoryview(data)[:7])  # type: ignore[arg-type]
        self.data += taken
        return len(taken)


class Stdout:
    """Standard output with this behind it."""

    def __init__(self, buffer: object) -> None:
        self.buffer = buffer

    def isatty(self) -> bool:
        return False
