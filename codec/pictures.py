"""Pictures in: anything Pillow opens, PIL images and arrays -> RGB pixels, with notes on what was changed.

Nothing is lost silently: what this release cannot keep is either said in a note or refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bitstream.chunks import SIGNATURE
from bitstream.errors import FileAccessError, LimitError, UnsupportedError, WispError
from bitstream.limits import MAX_PIXELS, check_dimensions
from codec.notes import note

Picture: TypeAlias = "str | PathLike[str] | BinaryIO | Image.Image | NDArray[np.uint8]"
_ORIENTATION = 0x0112  # EXIF tag
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}
_SIXTEEN_BIT_RAW = re.compile(";16[BLN]")  # in Pillow's name of what is in the file; BGR;16 is five to six bits
_TRANSPARENT = "has transparency, which this release does not code"
_CONVERTED = {"L": "grey", "1": "black and white", "P": "palette", "CMYK": "CMYK", "YCbCr": "YCbCr"}


def load_rgb(source: Picture) -> NDArray[np.uint8]:
    """-> (H, W, 3) uint8, orientation applied.

    Raises FileAccessError (cannot be read, is no picture), LimitError (too large), UnsupportedError
    (transparency, a mode that RGB cannot hold), TypeError or ValueError for an array of another kind.
    """
    if isinstance(source, np.ndarray):
        return _checked_array(source)
    if isinstance(source, Image.Image):
        with _faults_named():
            return _to_rgb(source)
    if isinstance(source, (bytes, bytearray)):
        raise TypeError("bytes are not a picture's name: hand them over as io.BytesIO(data)")
    with _faults_named():
        if not isinstance(source, (str, PathLike)) and not (hasattr(source, "seekable") and source.seekable()):
            source = BytesIO(source.read())
        try:
            with Image.open(source) as image:
                return _to_rgb(image)
        except UnidentifiedImageError as error:
            raise FileAccessError(_not_a_picture(source)) from error


@contextmanager
def _faults_named() -> Iterator[None]:
    """What Pillow raises on damaged files is of many kinds: all become ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stated in limits.py
            yield
    except (WispError, MemoryError, Warning):  # a warning where the caller has made errors of them
        raise
    except Image.DecompressionBombError as error:
        raise LimitError(f"the picture has too many pixels: at most {MAX_PIXELS} are allowed") from error
    except OSError as error:
        raise FileAccessError(error.strerror or f"the picture is damaged: {error}") from error
    except Exception as error:
        raise FileAccessError(f"the picture is damaged: {error}") from error


def _not_a_picture(source: str | PathLike[str] | BinaryIO) -> str:
    if isinstance(source, (str, PathLike)):
        with Path(source).open("rb") as file:
            head = file.read(len(SIGNATURE))
    else:
        source.seek(0)
        head = source.read(len(SIGNATURE))
    if not head:
        return "is empty"
    return "is a Wisp file already" if head == SIGNATURE else "is not a picture that Pillow can read"


def _checked_array(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise TypeError(f"an array of {array.dtype} cannot be coded: uint8 is expected")
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"an array of shape {array.shape} cannot be coded: (height, width, 3) is expected")
    check_dimensions(array.shape[1], array.shape[0])
    return array


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    check_dimensions(*image.size)
    if 0 in image.size:
        raise UnsupportedError("the picture has no pixels")
    deep = any(_SIXTEEN_BIT_RAW.search(str(tile[-1])) for tile in getattr(image, "tile", ()))  # gone once it is loaded
    image.load()  # first of all, for a TIFF is turned by it, and has no orientation any more
    if deep and image.mode not in _SIXTEEN_BIT:
        note("16 bits a channel reduced to 8")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        note(f"has {frames} frames, the first is coded")
    kept_apart = [name for name, key in (("ICC profile", "icc_profile"), ("EXIF", "exif")) if image.info.get(key)]
    if kept_apart:
        note(f"{' and '.join(kept_apart)} not kept")
    orientation = image.getexif().get(_ORIENTATION, 1)
    rgb = _convert(image)
    if orientation != 1:
        turned = Image.fromarray(rgb)
        turned.getexif()[_ORIENTATION] = orientation
        rgb = np.asarray(ImageOps.exif_transpose(turned))
    return rgb


def _convert(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode in _SIXTEEN_BIT:  # Pillow would clip it on the way to RGBA
        values = np.asarray(image).astype(np.uint32)
        if "transparency" in image.info and (values == image.info["transparency"]).any():
            raise UnsupportedError(_TRANSPARENT)
        note("16-bit grey converted to 8-bit RGB")
        grey = (values * 255 + 32767) // 65535
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getextrema() != (255, 255):
            raise UnsupportedError(_TRANSPARENT)
        note(f"{image.mode} without any transparency converted to RGB")
        return np.asarray(rgba.convert("RGB"))
    if image.mode not in _CONVERTED:
        raise UnsupportedError(f"pictures of mode {image.mode} are not coded by this release")
    note(f"{_CONVERTED[image.mode]} converted to RGB")
    return np.asarray(image.convert("RGB"))
