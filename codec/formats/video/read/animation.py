"""Animated GIF, PNG, WebP and AVIF by Pillow: composed frames, as a viewer shows them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import FileAccessError, LimitError, UnsupportedError, WispError
from bitstream.limits import check_dimensions
from bitstream.sequence.clip import Clip
from codec.files.source import ByteSource
from codec.formats.pictures.attached import attached
from codec.formats.pictures.colour import png_colours
from codec.formats.pictures.load import load_picture
from codec.formats.pictures.modes import source_bits, transparent_colour
from codec.formats.pictures.orientation import orientation_of, turn
from codec.formats.sniff import frame_count
from codec.formats.video.read.source import MediaSource
from codec.notes import note
from codec.pixels.frame import Frame
from codec.pixels.picture import channels

TIME_BASE = Fraction(1, 1000)  # seconds
_UNSTATED_MS = 100  # what browsers take for a duration of 0
_STILL_RATE = Fraction(25)
_RESTORE_BACKGROUND = 2  # of GIF's ways to dispose of a frame; 3: restore what was before
_KEEPING = (0, 1)
_GIF_HEAD_BYTES = 13
_GREYS = ("1", "L", "LA", "I", "I;16", "I;16B")


def open_animation(source: ByteSource, *, strict: bool) -> MediaSource:
    """Open an animation and read its first frame. The mode has alpha unless the file's header rules it out.

    Raises FileAccessError (damaged), LimitError, UnsupportedError (deeper than 8 bits, with `strict`).
    """
    try:
        image: Any = Image.open(source.buffered())
    except Image.DecompressionBombError as error:
        raise LimitError("the animation has too many pixels") from error
    except Exception as error:  # Pillow raises what it comes upon
        raise FileAccessError(f"the animation is damaged: {error}") from error
    check_dimensions(*image.size)
    frames = _Frames(image, _mode_of(image, source), strict=strict)
    items = frames.items()
    first = next(items, None)
    if first is None:
        raise FileAccessError("has no frame that can be decoded")
    return MediaSource(
        Clip(TIME_BASE), first.size, frames.mode, _with(first, items), (), frame_count(image), None, attached(image)
    )


def open_still(source: ByteSource) -> MediaSource:
    """A single picture as a clip of one frame of 1/25 s. Raises as `load_picture`."""
    picture = load_picture(source)
    frame = Frame(picture.pixels, 0, 1, 1 / _STILL_RATE)
    clip = Clip(1 / _STILL_RATE, _STILL_RATE)
    return MediaSource(clip, picture.size, picture.mode, iter([frame]), (), 1, float(1 / _STILL_RATE), picture.metadata)


def _with(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


class _Frames:
    def __init__(self, image: Any, mode: str, *, strict: bool) -> None:
        self._image, self._strict, self.mode = image, strict, mode
        self._bits = source_bits(image)
        if self._bits > 8 and strict:
            raise UnsupportedError(f"has {self._bits} bits a channel, which `strict` refuses to convert")
        if self._bits > 8:
            note(f"{self._bits} bits a channel reduced to 8")
        self._orientation = orientation_of(attached(image))
        self._to_srgb = png_colours(image, _colours(mode))
        if (colour := transparent_colour(image)) is not None:
            image.info["transparency"] = colour

    def items(self) -> Iterator[Frame]:
        first = int(getattr(self._image, "default_image", False))
        count = frame_count(self._image)
        time = 0.0  # ms; of PNG any fraction
        for number in range(count):
            try:
                if number + first:
                    self._image.seek(number + first)
                pixels = self._pixels()
            except (WispError, MemoryError):
                raise
            except Exception as error:  # Pillow raises what it comes upon in a damaged file
                if self._strict or not number:
                    raise FileAccessError(f"frame {number} is damaged: {error}") from error
                note(f"is damaged: {number} of {count} frames are used")
                return
            end = time + (self._image.info.get("duration") or _UNSTATED_MS)
            pts = round(time)
            yield Frame(pixels, pts, max(round(end), pts + 1) - pts, TIME_BASE, number)
            time = max(end, pts + 1)

    def _pixels(self) -> NDArray[np.uint8]:
        if self._image.mode.startswith("I"):
            values = np.asarray(self._image).astype(np.uint32)
            pixels = ((values * 255 + 32767) // 65535).astype(np.uint8)[:, :, None]
        else:
            pixels = channels(self._image.convert(self.mode))
        if self._to_srgb is not None:
            colours = _colours(self.mode)
            pixels = np.concatenate([self._to_srgb(pixels[:, :, :colours]), pixels[:, :, colours:]], axis=2)
        return turn(pixels, self._orientation)


def _colours(mode: str) -> int:
    return 1 if mode in ("L", "LA") else 3


def _mode_of(image: Any, source: ByteSource) -> str:
    if image.format == "GIF":
        return "RGB" if _stays_opaque(image, source) else "RGBA"
    grey = image.mode in _GREYS
    if image.has_transparency_data:
        return "LA" if grey else "RGBA"
    return "L" if grey else "RGB"


def _stays_opaque(image: Any, source: ByteSource) -> bool:
    """Whether no frame of a GIF can show a transparent pixel: the first has none, and no frame is cleared again.

    (Later frames mostly have transparent pixels of their own, through which the earlier ones are seen.)
    """
    disposals = list(_disposals(source.buffered()))
    if not disposals or disposals[0] not in _KEEPING or _RESTORE_BACKGROUND in disposals:
        return False
    try:
        return int(np.asarray(image.convert("RGBA"))[:, :, 3].min()) == 255
    except Exception:  # damaged: is found again where it is read
        return False


def _disposals(file: BinaryIO) -> Iterator[int]:
    """The disposal method of each frame of a GIF. Source: GIF89a, sections 18 to 24."""
    head = file.read(_GIF_HEAD_BYTES)
    _skip_table(file, head[10] if len(head) == _GIF_HEAD_BYTES else 0)
    disposal = 0
    while (kind := file.read(1)) in (b"!", b","):
        if kind == b"!":
            label = file.read(1)
            blocks = _blocks(file)
            first = next(blocks, b"")
            if label == b"\xf9" and first:
                disposal = first[0] >> 2 & 7
            for _ in blocks:
                pass
        else:
            descriptor = file.read(9)
            if len(descriptor) < 9:
                return
            yield disposal
            disposal = 0
            _skip_table(file, struct.unpack("<4HB", descriptor)[4])
            file.read(1)
            for _ in _blocks(file):
                pass


def _skip_table(file: BinaryIO, packed: int) -> None:
    """Skip a colour table, if these flags say that there is one."""
    if packed & 0x80:
        file.read(3 << (packed & 7) + 1)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while (size := file.read(1)) and size[0]:
        yield file.read(size[0])
