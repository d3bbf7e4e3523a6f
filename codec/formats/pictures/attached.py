"""ICC profile, EXIF and XMP of a Pillow image -> Metadata, and back into the options of Pillow's writers."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import MAX_TEXT_CHUNK, PngInfo

from bitstream.metadata import Metadata, named
from codec.formats.pictures.orientation import TAG, upright
from codec.notes import note

EXIF_PREFIX = b"Exif\0\0"  # JPEG's, before the TIFF structure
_PREFIXES = re.compile(rb"\A(?:Exif\0\0)+")  # some software writes it twice
_XMP_IN_PNG = "XML:com.adobe.xmp"
_EXIF_IN_OLD_PNG = "Raw profile type exif"
_XMP_IN_TIFF = 700
_MARKER = 65_533  # bytes that a marker of JPEG holds
_MOST_IN_JPEG = {"icc": 255 * (_MARKER - 14), "exif": _MARKER - len(EXIF_PREFIX), "xmp": _MARKER - 29}
_HOLDS_NONE = ("PPM",)
_TIFF_HEADS = (b"II*\0", b"MM\0*")  # what EXIF begins with
# A TIFF has no EXIF block: these tags of its directory describe the picture, the others how it is stored.
_TIFF_TAGS = (270, 271, 272, 282, 283, 296, 305, 306, 315, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095)
_TIFF_DIRECTORIES = (34665, 34853)  # EXIF, GPS
_INTEROP = 40965  # a directory by its place in the file, which changes
_RESOLUTION = {282, 283, 296}


def attached(image: Image.Image) -> Metadata:
    """The metadata of a loaded image, byte for byte."""
    xmp = image.info.get("xmp") or image.info.get(_XMP_IN_PNG) or b""
    exif = image.info.get("exif") or _from_text(image.info.get(_EXIF_IN_OLD_PNG, ""))
    if image.format == "TIFF" and not exif:
        tags = _descriptive(image.getexif())
        exif = tags.tobytes() if set(tags) - _RESOLUTION else b""  # a resolution alone is no reason to write EXIF
    return Metadata(
        icc=_bytes(image.info.get("icc_profile") or b""),
        exif=_PREFIXES.sub(b"", _bytes(exif)),
        xmp=_bytes(xmp),
    )


def _bytes(value: Any) -> bytes:
    if isinstance(value, Image.Exif):
        return value.tobytes()
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, tuple) and all(isinstance(part, int) and 0 <= part <= 255 for part in value):
        return bytes(value)  # as TIFF gives bytes
    note("metadata of a wrong type left out")  # and not what bytes() makes of a number
    return b""


def _from_text(profile: str) -> bytes:
    """EXIF as ImageMagick stored it before PNG had a chunk for it: name, length, hexadecimal digits."""
    try:
        return bytes.fromhex("".join(profile.split("\n")[3:]))
    except ValueError:
        return b""


def _descriptive(source: Image.Exif) -> Image.Exif:
    """A copy of the tags that describe the picture; a note if Pillow cannot write some of them."""
    kept, damaged = Image.Exif(), 0
    for tag in (*_TIFF_TAGS, *_TIFF_DIRECTORIES):
        try:
            value = _directory(source, tag) if tag in _TIFF_DIRECTORIES else source.get(tag)
            alone = Image.Exif()
            if value is not None:
                _put(alone, tag, value)
            alone.tobytes()
        except Exception:  # Pillow raises what it comes upon
            damaged += 1
        else:
            if value is not None:
                _put(kept, tag, value)
    if damaged:
        note(f"{damaged} EXIF tags damaged and left out")
    return kept


def _directory(source: Image.Exif, tag: int) -> dict[int, Any] | None:
    return {tag: value for tag, value in source.get_ifd(tag).items() if tag != _INTEROP} or None


def _put(tags: Image.Exif, tag: int, value: Any) -> None:
    if tag in _TIFF_DIRECTORIES:
        tags.get_ifd(tag).update(value)  # before the tag is there: it would be taken for a place in a file
    tags[tag] = value


def info_entries(metadata: Metadata) -> dict[str, Any]:
    """The entries of Pillow's `Image.info`, with an orientation of 1."""
    kept = upright(metadata)
    entries = {"icc_profile": kept.icc, "exif": EXIF_PREFIX + kept.exif if kept.exif else b"", "xmp": kept.xmp}
    return {name: data for name, data in entries.items() if data}


def writer_options(metadata: Metadata, kind: str) -> dict[str, Any]:
    """Keyword arguments for Pillow's writer of `kind`; a note names what that format cannot hold."""
    tags = _tiff_tags(metadata.exif) if kind == "TIFF" else None
    lost = [name for name, data in metadata.items() if not _can_hold(kind, name, data)]
    if kind == "TIFF" and tags is None:
        lost.append("exif")
    if lost:
        note(f"{named(lost)} not written: {kind} cannot hold it")
    options = {name: data for name, data in info_entries(metadata).items() if name.removesuffix("_profile") not in lost}
    if kind == "TIFF":
        tags = tags or Image.Exif()
        if options.pop("exif", None) and len(tags):
            options["compression"] = "raw"  # Pillow's way to compressed files fails over directories and 0/0
        if "xmp" in options:
            tags[_XMP_IN_TIFF] = options.pop("xmp")
        options["tiffinfo"] = tags
    elif kind == "PNG" and "xmp" in options:
        text = PngInfo()  # not by add_itxt, which takes UTF-8 alone
        text.add(b"iTXt", _XMP_IN_PNG.encode() + bytes(5) + options.pop("xmp"))
        options["pnginfo"] = text
    elif kind == "AVIF" and "exif" in options:
        options["exif"] = _Verbatim(options["exif"])
    return options


def _can_hold(kind: str, name: str, data: bytes) -> bool:
    if kind == "JPEG":
        return len(data) <= _MOST_IN_JPEG[name]
    if kind == "PNG" and name == "icc":
        return len(data) <= MAX_TEXT_CHUNK  # what Pillow reads again
    if kind == "AVIF" and name == "exif":
        return len(data) >= 8 and data.startswith(_TIFF_HEADS)  # libavif looks for the head
    return kind not in _HOLDS_NONE


def _tiff_tags(exif: bytes) -> Image.Exif | None:
    """The tags of EXIF that go into a TIFF's own directory; None if EXIF is damaged or none of its tags does."""
    source = Image.Exif()
    try:
        source.load(exif)
        found = set(source)
    except Exception:  # damaged EXIF raises whatever Pillow comes upon
        return None
    tags = _descriptive(source)
    return tags if len(tags) or found <= {TAG} else None


class _Verbatim(Image.Exif):
    """EXIF that Pillow's AVIF writer passes on as it is: it rewrites what has an orientation, even one of 1."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data_as_it_is = data

    def __contains__(self, tag: object) -> bool:
        return False

    def __len__(self) -> int:
        return 1  # so that it counts as true

    def tobytes(self, offset: int = 8) -> bytes:
        return self._data_as_it_is
