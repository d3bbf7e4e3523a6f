"""Pictures out: channels and metadata -> the bytes of a PNG, PPM, JPEG, WebP, AVIF or TIFF file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from bitstream.errors import UnsupportedError
from bitstream.limits import MAX_SIDE
from codec.formats.pictures.attached import writer_options
from codec.notes import note
from codec.pixels.picture import Picture, channels
from codec.work.threads import thread_count

DEFAULT_OUTPUT_QUALITY = 90  # of 0..100, in the lossy formats
# Name of the format -> (Pillow's name, endings, options)
_FORMATS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "png": ("PNG", (".png",), {}),
    "ppm": ("PPM", (".ppm", ".pgm", ".pnm"), {}),
    "jpeg": ("JPEG", (".jpg", ".jpeg"), {"subsampling": 0}),
    "webp": ("WEBP", (".webp",), {"method": 4, "exact": True}),
    "avif": ("AVIF", (".avif",), {"subsampling": "4:4:4"}),
    "tiff": ("TIFF", (".tif", ".tiff"), {"compression": "tiff_adobe_deflate"}),
}
PICTURE_FORMATS = tuple(_FORMATS)
LOSSY = ("jpeg", "webp", "avif")
_OPAQUE_ONLY = ("ppm", "jpeg")
_LONGEST_SIDE = {"jpeg": 65_500, "webp": 16_383}  # pixels
_PAPER = 255  # the background of transparent pixels in formats without transparency


def picture_format(name: str) -> str | None:
    """The format of a picture by the ending of its name, None if it is none of PICTURE_FORMATS."""
    ending = Path(name).suffix.lower()
    return next((kind for kind, (_, endings, _) in _FORMATS.items() if ending in endings), None)


def ending_of(kind: str) -> str:
    """The usual ending of a format, with its dot."""
    return _FORMATS[kind][1][0]


def save_picture(picture: Picture, kind: str, quality: int = DEFAULT_OUTPUT_QUALITY) -> memoryview:
    """A picture as the bytes of a file, with an EXIF orientation of 1. A note says what the format cannot hold.

    `kind` is one of PICTURE_FORMATS; `quality` (0..100) is for the LOSSY ones. Raises UnsupportedError if the format
    cannot hold the picture at all.
    """
    name, _, options = _FORMATS[kind]
    if max(picture.size) > (longest := _LONGEST_SIDE.get(kind, MAX_SIDE)):
        raise UnsupportedError(f"cannot be written as {name}: a side may have at most {longest} pixels")
    image = picture.image()
    if kind in _OPAQUE_ONLY and picture.has_alpha:
        if picture.alpha.min() < 255:
            note(f"{name} holds no transparency: laid over white")
        image = _over_paper(image)
    file = BytesIO()
    lossy: dict[str, Any] = {"quality": quality} if kind in LOSSY else {}
    if kind == "avif":
        lossy["max_threads"] = thread_count()  # else one a core, whatever else runs
    try:
        image.save(file, name, **{**options, **lossy, **writer_options(picture.metadata, name)})
    except MemoryError:
        raise
    except Exception as error:  # Pillow's writers raise what they come upon
        raise UnsupportedError(f"cannot be written as {name}: {error}") from error
    return file.getbuffer()


def _over_paper(image: Image.Image) -> Image.Image:
    """LA or RGBA -> L or RGB over white."""
    opaque = image.mode[:-1]
    paper = Image.new(opaque, image.size, (_PAPER,) * len(opaque))
    paper.paste(image.convert(opaque), mask=image.getchannel("A"))
    return paper


def downscaled(picture: Picture, factor: int) -> Picture:
    """Means of `factor` x `factor` pixels, colours weighted by their alpha (as Image.reduce does)."""
    return picture if factor == 1 else Picture(channels(picture.image().reduce(factor)), picture.metadata)
