"""Small videos and animations for tests, made with PyAV, Pillow and by hand."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.sequence.audio import AudioPacket
from codec.formats.video.read.open import open_source
from codec.formats.video.read.source import MediaSource
from codec.notes import WispNote
from codec.pixels.frame import Frame

RATE = 25
SOUND_RATE = 48_000
MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # H.273 -> (Kr, Kb)
LIMITED, FULL = 1, 2
_COLOURS = (
    *((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255)),
    *((0, 0, 0), (128, 128, 128), (200, 30, 90), (13, 77, 240), (90, 160, 20)),
)
BAR = 16  # pixels that a bar is wide and high


def moving(count: int, size: tuple[int, int] = (64, 48)) -> list[NDArray[np.uint8]]:
    """`count` RGB pictures (H, W, 3) of a smooth pattern that moves six pixels a frame."""
    width, height = size
    y, x = np.mgrid[:height, : width + 6 * count].astype(float)
    wide = np.stack([128 + 90 * np.sin(x / 9 + k) * np.cos(y / (7 + k)) for k in range(3)], axis=2)
    return [np.ascontiguousarray(np.rint(wide[:, 6 * i : 6 * i + width]).astype(np.uint8)) for i in range(count)]


def bar_codes(matrix: int, colour_range: int, bits: int = 8) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Colour bars: the codes Y, Cb, Cr (N, 3) of H.273's equations, and the exact RGB (N, 3) that they stand for.

    In floating point from the equations alone, so that nothing is tested against itself.
    """
    kr, kb = MATRICES[matrix]
    kg = 1 - kr - kb
    rgb = np.array(_COLOURS, float) / 255
    luma = rgb @ np.array([kr, kg, kb])
    chroma = np.stack([(rgb[:, 2] - luma) / (2 * (1 - kb)), (rgb[:, 0] - luma) / (2 * (1 - kr))], axis=1)
    most, unit = (1 << bits) - 1, 1 << (bits - 8)
    luma_scale, chroma_scale, black = (most, most, 0) if colour_range == FULL else (219 * unit, 224 * unit, 16 * unit)
    exact = np.concatenate([luma[:, None] * luma_scale + black, chroma * chroma_scale + 128 * unit], axis=1)
    codes = np.rint(exact).clip(0, most)
    y = (codes[:, 0] - black) / luma_scale
    b, r = ((codes[:, i] - 128 * unit) / chroma_scale for i in (1, 2))
    red, blue = y + 2 * (1 - kr) * r, y + 2 * (1 - kb) * b
    green = (y - kr * red - kb * blue) / kg
    return codes.astype(np.uint16), np.stack([red, green, blue], axis=1).clip(0, 1) * 255


def bar_planes(codes: NDArray[np.uint16], pixel_format: str) -> list[NDArray[Any]]:
    """The planes of bars of BAR x BAR pixels in a planar YCbCr format of FFmpeg."""
    described = av.VideoFormat(pixel_format, BAR * len(codes), BAR)
    dtype = np.uint8 if described.components[0].bits == 8 else np.dtype("<u2")
    return [
        np.broadcast_to(np.repeat(codes[:, i], part.width // len(codes)), (part.height, part.width)).astype(dtype)
        for i, part in enumerate(described.components[:3])
    ]


def bar_centres(pixels: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """Of each bar the pixel in its middle, (N, C)."""
    return pixels[BAR // 2, BAR // 2 :: BAR][:count].astype(float)


def frame_of(planes: Sequence[NDArray[Any]], pixel_format: str) -> av.VideoFrame:
    """A frame whose planes hold these arrays (rows, samples)."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        data = np.ascontiguousarray(values).view(np.uint8).reshape(plane.height, -1)
        rows[:, : data.shape[1]] = data
        plane.update(rows.tobytes())
    return frame


def write_clip(
    target: Path | BinaryIO,
    pictures: Iterable[NDArray[np.uint8] | av.VideoFrame],
    codec: str = "mpeg4",
    pixel_format: str = "yuv420p",
    *,
    container: str | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, RATE),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    colours: dict[str, int] | None = None,
    aspect: Fraction | None = None,
    turned: int | None = None,
    sound: Sequence[str] = (),
    subtitles: bool = False,
) -> list[list[bytes]]:
    """Write pictures (RGB arrays, or frames as they are) and, for each codec of `sound`, a stream of a tone.

    `times` are timestamps in units of `time_base` (default: one a frame), `colours` sets color_range, colorspace,
    color_trc and color_primaries of the stream, `turned` is in degrees counterclockwise.
    Returns the packets of each stream of sound.
    """
    pictures = list(pictures)
    first = pictures[0]
    size: tuple[int, int] = (
        (first.shape[1], first.shape[0]) if isinstance(first, np.ndarray) else (first.width, first.height)
    )
    place: Any = str(target) if isinstance(target, Path) else target
    with av.open(place, "w", format=container, options=container_options or {}) as out:
        stream: Any = out.add_stream(codec, rate=RATE, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        stream.codec_context.thread_count = 1
        for name, value in (colours or {}).items():
            setattr(stream.codec_context, name, value)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if turned is not None:
            stream.set_display_rotation(turned)
        tones: list[Any] = [out.add_stream(name, rate=SOUND_RATE) for name in sound]
        for tone in tones:
            tone.layout = "stereo"
        packets: list[list[bytes]] = [[] for _ in tones]
        step = time_base * SOUND_RATE
        for number, picture in enumerate(pictures):
            frame = picture if isinstance(picture, av.VideoFrame) else av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = (times[number] if times else number), time_base
            for name, value in (colours or {}).items():
                setattr(frame, name, value)
            for packet in stream.encode(frame.reformat(format=pixel_format)):
                out.mux(packet)
            for tone, kept in zip(tones, packets, strict=True):
                _mux_sound(out, tone, _tone(number, int(step)), kept)
        out.mux(stream.encode(None))
        for tone, kept in zip(tones, packets, strict=True):
            _mux_sound(out, tone, None, kept)
    return packets


def _tone(number: int, samples: int) -> av.AudioFrame:
    phase = (np.arange(samples) + number * samples) * (2 * np.pi * 440 / SOUND_RATE)
    wave = np.stack([np.sin(phase), np.cos(phase)]).astype(np.float32) / 4
    frame = av.AudioFrame.from_ndarray(wave, "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, number * samples, Fraction(1, SOUND_RATE)
    return frame


def _mux_sound(out: Any, stream: Any, frame: av.AudioFrame | None, kept: list[bytes]) -> None:
    for packet in stream.encode(frame):
        kept.append(bytes(packet))
        out.mux(packet)


def y4m(frames: Iterable[Sequence[NDArray[Any]]], header: str, between: str = "FRAME") -> bytes:
    """A Y4M file: `header` has what follows YUV4MPEG2, each frame is its planes."""
    out = io.BytesIO()
    out.write(f"YUV4MPEG2 {header}\n".encode())
    for planes in frames:
        out.write(f"{between}\n".encode() + b"".join(plane.tobytes() for plane in planes))
    return out.getvalue()


def animation(pictures: Sequence[NDArray[np.uint8]], kind: str, durations: int | list[int], **options: Any) -> bytes:
    """An animated GIF, PNG, WEBP or AVIF through Pillow; durations in ms."""
    out = io.BytesIO()
    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(out, kind, save_all=True, append_images=images[1:], duration=durations, loop=0, **options)
    return out.getvalue()


def with_track_matrix(data: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 with the coefficients a, b, c, d (in units of 1) of its first track's display matrix replaced."""
    a, b, c, d = (value << 16 for value in matrix)
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix comes after 40 bytes
    return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]


class StalledError(Exception):
    """More was read than a stalling producer has given."""


class Pipe(io.RawIOBase):
    """Bytes that are only read forwards, in small pieces; reading more than `given` of them raises StalledError."""

    def __init__(self, data: bytes, *, given: int | None = None, piece: int = 4096) -> None:
        self._data, self._piece = data, piece
        self._given = len(data) if given is None else given
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(self._piece, len(buffer))
        if self.taken >= self._given < len(self._data):
            raise StalledError(f"after {self.taken} bytes")
        part = self._data[self.taken : min(self.taken + count, self._given)]
        self.taken += len(part)
        buffer[: len(part)] = part
        return len(part)


@dataclass
class Read:
    """All of a source: what it says of itself, its items in their order, and the notes."""

    source: MediaSource
    items: list[Frame | AudioPacket]
    notes: list[str]

    @property
    def frames(self) -> list[Frame]:
        return [item for item in self.items if isinstance(item, Frame)]

    @property
    def packets(self) -> list[AudioPacket]:
        return [item for item in self.items if isinstance(item, AudioPacket)]


def read(source: Any, **options: Any) -> Read:
    """Read a source (a path, a file object, or its bytes) to its end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_source(io.BytesIO(source) if isinstance(source, bytes) else source, **options) as opened:
            items = list(opened)
    return Read(opened, items, [str(one.message) for one in caught if one.category is WispNote])
