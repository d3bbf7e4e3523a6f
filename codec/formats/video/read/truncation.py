"""Whether a file is shorter than its container says, by the outermost lengths alone.

FFmpeg reads some of these to their end without an error. Sources: ISO/IEC 14496-12 section 4.2 (boxes), RFC 8794 (EBML
lengths), RFC 9559 (Matroska's Segment), the RIFF specification.
"""

from __future__ import annotations

import struct

from codec.files.source import ByteSource

_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
_HEAD_BYTES = 256
_MOST_BOXES = 100_000


def is_cut_short(source: ByteSource) -> bool:
    """Whether the file ends early; False if that cannot be known, as of a pipe. The position stays as it was."""
    size = source.size()
    if size is None:
        return False
    source = source.cursor()
    head = source.peek(_HEAD_BYTES)
    if head.startswith(_EBML):
        end = _end_of_segment(head)
    elif head.startswith(b"RIFF") and len(head) >= 8:
        end = struct.unpack_from("<I", head, 4)[0] + 8
        end = end if end < 1 << 30 else 0  # larger files have several, and writers disagree
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        end = _end_of_boxes(source, size)
    else:
        end = 0
    return end > size


def _end_of_segment(head: bytes) -> int:
    """Where Matroska's Segment ends, 0 if it does not say."""
    length, at = _length(head, 4)
    at += length or 0
    if length is None or head[at : at + 4] != _SEGMENT:
        return 0
    length, at = _length(head, at + 4)
    return 0 if length is None else at + length


def _length(head: bytes, at: int) -> tuple[int | None, int]:
    """An EBML length at `at` (None: unknown) and where it ends."""
    first = head[at] if at < len(head) else 0
    count = 9 - first.bit_length()
    data = head[at : at + count]
    if not first or len(data) < count:
        return None, at
    value = int.from_bytes(data, "big") & ((1 << 7 * count) - 1)
    return (None if value == (1 << 7 * count) - 1 else value), at + count


def _end_of_boxes(source: ByteSource, size: int) -> int:
    """Where the last of the boxes ends."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at >= size:
            break
        source.seek(at)
        head = source.read(16)
        if len(head) < 8:
            return at + 8
        (length,) = struct.unpack_from(">I", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        if length < 8:  # 0: as far as the file goes
            return at
        at += length
    return at
