"""The pixel aspect in Matroska.

libavformat takes it from a field of the stream that PyAV does not offer, and writes "unknown". So the head of the file
is changed before it is written: the display size replaces a track title (PLACEHOLDER) that made room for it, and what
is left of that becomes a Void element, so that nothing behind it moves. Ids and layout: RFC 9559, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from codec.files.output import Buffer
from codec.formats.video.write.file import OutFile

PLACEHOLDER = "Wisp: room for the display size, never to be seen"
_TRACK, _NAME, _VIDEO, _VOID = 0xAE, 0x536E, 0xE0, 0xEC
_FIRST_CHILD = b"\xd7\x81\x01"  # the number of the first track, the video
_DISPLAY = _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_IN_PIXELS, _AS_RATIO = 0, 3


class WideHead:
    """The file of a Matroska muxer, which writes the description of its tracks first and again at the end."""

    def __init__(self, file: OutFile, size: tuple[int, int], pixel_aspect: Fraction) -> None:
        self._file, self._size, self._aspect = file, size, pixel_aspect
        self.seekable, self.seek, self.tell = file.seekable, file.seek, file.tell

    @property
    def closed(self) -> bool:
        """As OutFile's."""
        return self._file.closed

    def write(self, data: Buffer) -> int:
        """As OutFile's."""
        return self._file.write(with_display_size(bytes(data), self._size, self._aspect))


def with_display_size(data: bytes, size: tuple[int, int], pixel_aspect: Fraction) -> bytes:
    """The same number of bytes, with the display size in the track that has the placeholder, if there is one."""
    place = data.find(PLACEHOLDER.encode())
    while place > 0:
        place = data.rfind(bytes([_TRACK]), 0, place)
        if place >= 0 and (track := _with_display(data, place, _display(size, pixel_aspect))) is not None:
            return track
    return data


def _with_display(data: bytes, at: int, display: bytes) -> bytes | None:
    """None where no such track begins at `at`."""
    _, start, end = next(_children(data, at, len(data)), (0, 0, 0))
    if not data.startswith(_FIRST_CHILD, start):  # the byte of the id, elsewhere: in the random number of the track
        return None
    kept: list[bytes] = []
    video, named = None, False
    for id_, first, last in _children(data, start, end):
        if id_ == _VIDEO:
            children = ((child, data[a:b]) for child, a, b in _children(data, first, last))
            video = b"".join(element(child, content) for child, content in children if child not in _DISPLAY)
        elif id_ == _NAME and data[first:last] == PLACEHOLDER.encode():
            named = True
        else:
            kept.append(element(id_, data[first:last]))
    if video is None or not named:
        return None
    track = b"".join(kept) + element(_VIDEO, video + display)
    room = end - start - len(track) - 9
    return None if room < 0 else data[:start] + track + element(_VOID, bytes(room), size_bytes=8) + data[end:]


def _display(size: tuple[int, int], pixel_aspect: Fraction) -> bytes:
    """In pixels where that is a whole number of them, else as a ratio."""
    width, height = size
    wide, unit = width * pixel_aspect, _IN_PIXELS
    if wide.denominator != 1:
        ratio, unit = wide / height, _AS_RATIO
        wide, height = Fraction(ratio.numerator), ratio.denominator
    values = ((_DISPLAY_WIDTH, int(wide)), (_DISPLAY_HEIGHT, height), (_DISPLAY_UNIT, unit))
    return b"".join(element(id_, value.to_bytes(8, "big").lstrip(b"\0") or b"\0") for id_, value in values)


def _children(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(id, start, end of the content) of the elements in a stretch of `data`; the last may go on beyond it."""
    while at < end:
        id_bytes = 9 - data[at].bit_length()
        if id_bytes > 4:
            return
        id_ = int.from_bytes(data[at : at + id_bytes], "big")
        at += id_bytes
        if at >= end:
            return
        size_bytes = 9 - data[at].bit_length()
        if size_bytes > 8:
            return
        size = int.from_bytes(data[at : at + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
        unknown = size == (1 << 7 * size_bytes) - 1
        at += size_bytes
        last = end if unknown else min(at + size, end)
        yield id_, at, last
        at = last


def element(id_: int, content: bytes, size_bytes: int = 0) -> bytes:
    """An EBML element; its size field has `size_bytes`, or as few bytes as possible."""
    width = size_bytes or next(n for n in range(1, 9) if len(content) < (1 << 7 * n) - 1)
    size = (1 << 7 * width) | len(content)
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big") + size.to_bytes(width, "big") + content
