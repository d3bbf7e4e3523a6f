"""The public Python interface of restoring pictures: `denoise` and `colorize`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, TypedDict, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codec.api import Codec, default_codec, image_of
from codec.formats.pictures.load import PictureSource, load_picture
from codec.pixels.picture import Picture
from codec.restore.restore import restored
from codec.restore.settings import Colorizing, Restoration, denoising

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Unpack

Model: TypeAlias = str | PathLike[str] | None
Sigma: TypeAlias = float | Literal["auto"]
Other: TypeAlias = str | PathLike[str] | BinaryIO | Image.Image


class RestoreOptions(TypedDict, total=False):
    """What both take by name."""

    frame: int | None
    model: Model
    codec: Codec | None


@overload
def denoise(image: NDArray[np.uint8], sigma: Sigma = ..., **options: Unpack[RestoreOptions]) -> NDArray[np.uint8]: ...
@overload
def denoise(image: Tensor, sigma: Sigma = ..., **options: Unpack[RestoreOptions]) -> Tensor: ...
@overload
def denoise(image: Other, sigma: Sigma = ..., **options: Unpack[RestoreOptions]) -> Image.Image: ...


def denoise(
    image: PictureSource,
    sigma: Sigma = "auto",
    *,
    frame: int | None = None,
    model: Model = None,
    codec: Codec | None = None,
) -> Any:
    """Take the noise out of one picture.

    Args:
        image: as of `encode`: a path, binary file object, PIL image, array (H, W) or (H, W, 1..4) uint8, or tensor
            (1..4, H, W), uint8 or floating point within 0..1.
        sigma: standard deviation of the noise in levels of 0..255, up to 100; "auto" estimates it.
        frame: of an animation, counted from 0.
        model: the file of a denoiser; by default the packaged one.
        codec: runs the network on its device, with its precision and threads; by default the one behind `encode`.

    Returns:
        What came in: an array of the same shape, a tensor (C, H, W) uint8 on the CPU, else a PIL image of mode L, LA,
        RGB or RGBA with icc_profile, exif and xmp in its `info`. Alpha stays as it is.

    Raises:
        As `encode` for a picture that cannot be read; ModelNotFoundError, ModelFileError; ValueError: a sigma out of
        range.
    """
    return _restored(image, denoising(sigma, _path(model)), frame, codec)


@overload
def colorize(image: NDArray[np.uint8], **options: Unpack[RestoreOptions]) -> NDArray[np.uint8]: ...
@overload
def colorize(image: Tensor, **options: Unpack[RestoreOptions]) -> Tensor: ...
@overload
def colorize(image: Other, **options: Unpack[RestoreOptions]) -> Image.Image: ...


def colorize(image: PictureSource, *, frame: int | None = None, model: Model = None, codec: Codec | None = None) -> Any:
    """Give a grey picture colours. Of a picture in colour only the luma counts, as if it had been grey.

    Luma (of ITU-R BT.601, full range) stays within 2 levels of 255.

    Args:
        image, frame, codec: as of `denoise`.
        model: the file of a colouriser; by default the packaged one.

    Returns:
        As `denoise`, with three channels of colours: an array (H, W, 3) or with alpha (H, W, 4), a tensor or image
        likewise.

    Raises:
        As `denoise`.
    """
    return _restored(image, Colorizing(_path(model)), frame, codec)


def _path(model: Model) -> Path | None:
    return None if model is None else Path(model)


def _restored(image: PictureSource, wanted: Restoration, frame: int | None, codec: Codec | None) -> Any:
    picture = restored(codec or default_codec(), load_picture(image, frame=frame), wanted)
    return _like(image, picture)


def _like(image: PictureSource, picture: Picture) -> Any:
    """A picture as the kind of object that `image` is."""
    pixels = picture.pixels
    if isinstance(image, np.ndarray):
        return pixels[:, :, 0] if image.ndim == 2 and pixels.shape[2] == 1 else pixels
    if hasattr(image, "permute"):
        import torch

        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return image_of(picture)
