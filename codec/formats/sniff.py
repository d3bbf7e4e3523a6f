"""Whether an input is a video, an animation or a single picture, by its content."""

from __future__ import annotations

import struct
from os import PathLike
from typing import Any, BinaryIO

from PIL import Image

from bitstream.chunks import SIGNATURE
from bitstream.errors import WispError
from codec.files.stream import Input, open_input
from codec.formats.video.read.rawvideo import Y4M_SIGNATURE

ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")  # Pillow's formats whose frames are shown one after the other
_VIDEO_TO_US = ("FLI", "MPEG")  # Pillow reads, or only recognises, what FFmpeg reads better
HEAD_BYTES = 1 << 12  # by which a pipe is judged
_PNG, _GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_STILL_BRANDS = (b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"jpeg", b"jp2 ", b"jpx ", b"crx ")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\0")  # what the first packet of such a stream begins with
_MPEG_STARTS = (b"\0\0\1\xba", b"\0\0\1\xb3")  # Pillow takes the first for a TGA, where chance wills it


def is_video(source: str | PathLike[str] | bytes | BinaryIO | Input) -> bool:
    """Whether an input is a video or an animation; False for a single picture and for anything else.

    Args:
        source: a path or a file object that seeks; or a pipe as `codec.files.stream.Input`, a file object with
            `peek`, or its first bytes. These are judged by their first 4096 bytes, which are not consumed.
    """
    if isinstance(source, (bytes, bytearray)):
        return _is_video_by_head(bytes(source))
    if isinstance(source, (str, PathLike)):
        try:
            opened = open_input(source)
        except WispError:
            return False
        try:
            return _is_video_input(opened)
        finally:
            opened.close()
    if isinstance(source, Input):
        return _is_video_input(source)
    if getattr(source, "seekable", bool)():
        place = source.tell()
        try:
            return _is_video_input(Input(source))
        finally:
            source.seek(place)
    peek = getattr(source, "peek", None)
    if peek is None:
        raise TypeError("a file object that can neither seek nor peek: wrap it in codec.files.stream.Input")
    return _is_video_by_head(bytes(peek(HEAD_BYTES)[:HEAD_BYTES]))


def _is_video_input(source: Input) -> bool:
    try:
        head = source.peek(HEAD_BYTES)
        if not source.seekable():
            return _is_video_by_head(head)
        quick = _by_signature(head)
        kind = picture_kind(source, head) if quick is None else None
        source.seek(0)
        if quick is not None or kind is not None:
            return bool(quick) or kind == "animation"
        return _has_video(source)
    except (OSError, WispError):
        return False


def _has_video(source: Input) -> bool:
    from codec.formats.video.read.demuxer import has_video

    return has_video(source)


def _by_signature(head: bytes) -> bool | None:
    """The answer if the first bytes alone give it, else None."""
    if not head or head.startswith(SIGNATURE):
        return False
    if head.startswith(Y4M_SIGNATURE):
        return True
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS + _SOUND_BRANDS:
        return False
    return None


def picture_kind(source: Input, head: bytes) -> str | None:
    """ "animation" or "still" if Pillow can read it, else None. Moves the position of the source."""
    if head.startswith(_MPEG_STARTS):
        return None
    try:
        with Image.open(source.file) as image:
            if image.format in _VIDEO_TO_US:
                return None
            return "animation" if is_animated(image) else "still"
    except Image.DecompressionBombError:
        return "still"  # whose size is then refused
    except Exception:  # Pillow raises what it comes upon in what it cannot read
        return None


def is_animated(image: Image.Image) -> bool:
    """Whether an opened picture has several frames to be shown one after the other."""
    return image.format in ANIMATIONS and bool(getattr(image, "is_animated", False)) and frame_count(image) > 1


def frame_count(image: Any) -> int:
    """The number of its frames, without a PNG's default picture if that is not one of them."""
    return int(getattr(image, "n_frames", 1)) - int(getattr(image, "default_image", False))


def is_picture_head(head: bytes) -> bool:
    """Whether a file that begins so is a picture of a common format."""
    return (
        head.startswith((_PNG, *_GIF, b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in (*_STILL_BRANDS, b"avis"))
    )


def _is_video_by_head(head: bytes) -> bool:
    settled = _by_signature(head)
    if settled is not None:
        return settled
    if is_picture_head(head):
        return _is_animated_by_head(head)
    if head.startswith((b"\x1aE\xdf\xa3", b"FLV\1", *_MPEG_STARTS)) or head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return True
    if head.startswith((b"RIFF", b"OggS")):
        return head[8:12] == b"AVI " or any(name in head for name in _OGG_VIDEO)
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return True  # MPEG transport stream
    from io import BytesIO

    return picture_kind(Input(BytesIO(head)), head) is None and _has_video(Input(BytesIO(head)))


def _is_animated_by_head(head: bytes) -> bool:
    """Whether a picture is animated, by its first bytes."""
    if head.startswith(_PNG):
        at = len(_PNG)
        while at + 8 <= len(head):
            length, kind = struct.unpack_from(">I4s", head, at)
            if kind in (b"acTL", b"IDAT"):
                return kind == b"acTL" and head[at + 8 : at + 12] > b"\0\0\0\1"
            at += 12 + length
        return False
    if head.startswith(_GIF):
        return b"NETSCAPE2.0\3\1" in head
    if head[8:12] == b"WEBP":
        return head[12:16] == b"VP8X" and bool(head[20:21]) and bool(head[20] & 2)
    return head[4:12] == b"ftypavis"
