"""Whether an input is a video, an animation or a single picture, by its content."""

from __future__ import annotations

from typing import Any

from PIL import Image

from bitstream.chunks import SIGNATURE
from bitstream.errors import WispError
from bitstream.limits import MAX_FILE_BYTES
from codec.files.source import ByteSource, opened
from codec.formats.video.read.rawvideo import Y4M_SIGNATURE

ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")  # Pillow's formats whose frames are shown one after the other
_VIDEO_TO_US = ("FLI", "MPEG")  # Pillow reads, or only recognises, what FFmpeg reads better
VIDEO_ENDINGS = frozenset(
    ".3gp .asf .avi .flv .ivf .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .nut .ogv .ts .vob .webm .wmv"  # noqa: SIM905
    " .y4m".split()
)
HEAD_BYTES = 1 << 12  # by which a pipe is judged
SIGN_BYTES = 12  # of a pipe: enough for what streams well, and every producer has given them with its first frame
_PNG, _GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_STILL_BRANDS = (b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"jpeg", b"jp2 ", b"jpx ", b"crx ")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\0")  # what the first packet of such a stream begins with
_MPEG_STARTS = (b"\0\0\1\xba", b"\0\0\1\xb3")  # Pillow takes the first for a TGA, where chance wills it


def is_video(source: ByteSource) -> bool:
    """Whether it is a video or an animation; False for a single picture and for anything else. The place stays.

    A pipe is looked into no further than it takes to know: where its first bytes are no video's, it is read to its
    end, and made seekable. Raises FileAccessError or LimitError where that fails.
    """
    if not source.seekable():
        if not is_picture_head(source.peek(SIGN_BYTES)) and any(
            _streams_as_video(source.peek(count)) for count in (SIGN_BYTES, HEAD_BYTES)
        ):
            return True
        source.make_seekable(MAX_FILE_BYTES)
    try:
        head = source.cursor().read(HEAD_BYTES)
        quick = _by_signature(head)
        kind = picture_kind(source, head) if quick is None else None
        return (quick or kind == "animation") if quick is not None or kind else _has_video(source.cursor())
    except (OSError, WispError):
        return False


def _has_video(source: ByteSource) -> bool:
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


def picture_kind(source: ByteSource, head: bytes) -> str | None:
    """ "animation" or "still" if Pillow can read it, else None."""
    if head.startswith(_MPEG_STARTS):
        return None
    try:
        with Image.open(source.buffered()) as image:
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


def _streams_as_video(head: bytes) -> bool:
    """Whether what begins so, and as no common picture does, is a video."""
    settled = _by_signature(head)
    if settled is not None:
        return settled
    if head.startswith((b"\x1aE\xdf\xa3", b"FLV\1", *_MPEG_STARTS)) or head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return True
    if head.startswith((b"RIFF", b"OggS")):
        return head[8:12] == b"AVI " or any(name in head for name in _OGG_VIDEO)
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return True  # MPEG transport stream
    with opened(head) as source:
        return picture_kind(source, head) is None and _has_video(source)
