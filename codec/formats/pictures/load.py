"""Pictures in: anything Pillow opens, PIL images, arrays and tensors -> 8-bit channels, upright.

Nothing is lost silently: what cannot be kept is either said in a note or refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bitstream.chunks import SIGNATURE
from bitstream.errors import FileAccessError, LimitError, RequestError, UnsupportedError, WispError
from bitstream.limits import MAX_FILE_BYTES, MAX_PIXELS, check_dimensions
from codec.files.source import opened
from codec.formats.pictures.modes import source_bits, to_channels, transparent_colour
from codec.formats.pictures.orientation import orientation_of, turn
from codec.notes import note
from codec.pixels.picture import Picture

if TYPE_CHECKING:
    from torch import Tensor

PictureSource: TypeAlias = "str | PathLike[str] | BinaryIO | Image.Image | NDArray[np.uint8] | Tensor | Picture"


def load_picture(source: PictureSource, *, frame: int | None = None, info: Mapping[str, Any] | None = None) -> Picture:
    """Read one picture, convert it to L, LA, RGB or RGBA, and turn it upright.

    Args:
        source: a path, binary file object, PIL image, Picture, array (H, W) or (H, W, 1..4) uint8, or tensor
            (1..4, H, W), uint8 or floating point within 0..1.
        frame: of an animation or a file of several pictures, counted from 0; without it the first, with a
            note where there are more.
        info: of a PIL image, what to take instead of entries of its `info`, which stays as it is.

    Pillow's own warnings, of more than 89 million pixels or of damaged EXIF, go to the caller as they come.

    Raises:
        FileAccessError (cannot be read, is no picture), RequestError (no such frame), LimitError (too large),
        UnsupportedError (a mode that 8 bits cannot hold), TypeError or ValueError for an array of another kind.
    """
    if isinstance(source, Picture):
        return Picture(_checked_array(source.pixels), source.metadata)
    if isinstance(source, np.ndarray):
        return Picture(_checked_array(source))
    if hasattr(source, "permute"):  # a tensor; torch need not be here
        return Picture(_from_tensor(source))
    if isinstance(source, Image.Image):
        with _faults_named():
            here = source.tell()
            try:
                return _from_image(source, frame, info or {})
            finally:
                if source.tell() != here:
                    source.seek(here)  # it is the caller's
    if isinstance(source, (bytes, bytearray)):
        raise TypeError("bytes are not a picture's name: hand them over as io.BytesIO(data)")
    if not isinstance(source, (str, PathLike)) and not hasattr(source, "read"):
        raise TypeError(f"{type(source).__name__} is no picture, path or binary file object")
    with _faults_named(), opened(source, rewound=True) as file:
        file.make_seekable(MAX_FILE_BYTES)
        try:
            with Image.open(file.buffered(), formats=_formats()) as image:
                return _from_image(image, frame, {})
        except UnidentifiedImageError as error:
            raise FileAccessError(_not_a_picture(file.peek(len(SIGNATURE)))) from error


def load_map(path: Path) -> NDArray[np.uint8]:
    """A grey picture, or the luma of a coloured one, as (H, W) uint8. Raises as `load_picture`."""
    image = load_picture(path).image().convert("L")
    return np.asarray(image)


@contextmanager
def _faults_named() -> Iterator[None]:
    """Turn the many kinds of errors that Pillow raises on damaged files into those of Wisp."""
    try:
        yield
    except (WispError, MemoryError, Warning):  # a warning where the caller has made errors of them
        raise
    except Image.DecompressionBombError as error:
        raise LimitError(f"the picture has too many pixels: at most {MAX_PIXELS} are allowed") from error
    except OSError as error:
        raise FileAccessError(error.strerror or f"the picture is damaged: {error}") from error
    except Exception as error:
        raise FileAccessError(f"the picture is damaged: {error}") from error


def _formats() -> list[str] | None:
    """None for all that Pillow knows, without the plugin for Wisp files, which would decode them unasked."""
    if "WISP" not in Image.ID:
        return None
    Image.init()  # else only a few formats are listed
    return [name for name in Image.ID if name != "WISP"]


def _not_a_picture(head: bytes) -> str:
    if not head:
        return "is empty"
    return "is a Wisp file already" if head == SIGNATURE else "is not a picture that Pillow can read"


def _checked_array(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise TypeError(f"an array of {array.dtype} cannot be coded: uint8 is expected")
    pixels = array[:, :, None] if array.ndim == 2 else array
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        raise ValueError(f"an array of shape {array.shape} cannot be coded: (height, width, 1 to 4) is expected")
    check_dimensions(pixels.shape[1], pixels.shape[0])
    return pixels


def _from_tensor(tensor: Any) -> NDArray[np.uint8]:
    if tensor.ndim != 3 or not 1 <= tensor.shape[0] <= 4:
        raise ValueError(
            f"a tensor of shape {tuple(tensor.shape)} cannot be coded: (1 to 4, height, width) is expected"
        )
    values = tensor.detach()
    if values.is_floating_point():
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ValueError("a floating-point tensor cannot be coded: its values are not all within 0..1")
        values = (values.float() * 255).round().byte()
    return _checked_array(values.cpu().permute(1, 2, 0).numpy())


def _from_image(image: Image.Image, frame: int | None, info: Mapping[str, Any]) -> Picture:
    frames = getattr(image, "n_frames", 1)
    if frame is not None and not 0 <= frame < frames:
        many = f"{frames} frames" if frames > 1 else "one frame"
        raise RequestError(f"has {many}: there is no frame {frame}, the first is 0")
    if frame is not None and frames > 1:
        image.seek(frame)
    elif frames > 1:
        number = image.tell()
        note(f"has {frames} frames, {f'number {number}' if number else 'the first'} is coded")
    check_dimensions(*image.size)
    if 0 in image.size:
        raise UnsupportedError("the picture has no pixels")
    bits = source_bits(image)  # gone once it is loaded
    colour = transparent_colour(image)
    image.load()
    if colour is not None:
        info = {**info, "transparency": colour}
    if info:
        image = _under(image, info)
    picture = to_channels(image, bits)
    if image.format == "TIFF":  # is turned while it is loaded
        return picture
    return Picture(turn(picture.pixels, orientation_of(picture.metadata)), picture.metadata)


def _under(image: Image.Image, info: Mapping[str, Any]) -> Image.Image:
    """The same image, which may be the caller's, with other entries in its `info`.

    All else is shared: Pillow's own copies forget the format, and with it what a PNG says of its colours.
    """
    view = type(image).__new__(type(image))
    vars(view).update(vars(image))
    view.info = image.info.copy()
    view.info.update(info)
    return view
