"""The public Python interface for pictures: `encode`, `decode`, `salvage`, `Codec`. Torch is imported when needed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.metadata import Metadata
from codec.coder import Coder
from codec.files.source import Source, read_file
from codec.formats.pictures.attached import info_entries
from codec.formats.pictures.load import PictureSource, load_picture
from codec.pixels.geometry import Crop
from codec.pixels.picture import Picture
from codec.settings import DEFAULT_QUALITY, EncodeOptions, EncodeSettings
from codec.still.salvage import SalvageReport
from codec.work.forks import ForkLock

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Unpack


class Codec(Coder):
    """Encodes and decodes with models that stay loaded. Any number of threads may use one; it can be pickled.

    Args:
        model: a model file; by default the packaged model encodes, and any file's model is looked up by id
            in the package and in $WISP_MODEL_PATH.
        device: "auto" takes CUDA where there is one.
        precision: of the pixel path. "auto" is bf16 where the machine computes it natively, else fp32;
            machines may differ by one grey level, the two precisions by a few.
        entropy_dtype: of the entropy path, whose results are the same in either. "auto" is fp32, and fp64
            where this machine's fp32 does not reproduce the model's known answer.
        threads: how many threads its work uses, for pictures and videos; by default torch's number, and one a core
            outside torch. The process's own setting stays as it is. A process forked after the first use has one.

    Raises:
        ValueError: a word that is no choice. UnsupportedError: a device that is not here.
        FileAccessError, ModelFileError: a bad `model`.
    """

    def __repr__(self) -> str:
        device, precision, entropy_dtype = self._choices
        named = f"model={self.model_info.name!r}, device={device!r}, precision={precision!r}"
        return f"Codec({named}, entropy_dtype={entropy_dtype!r}, threads={self.threads})"

    def __reduce__(self) -> tuple[Any, ...]:
        """What it was made with: elsewhere the models are loaded anew."""
        if self is _default.get("codec"):
            return default_codec, ()
        device, precision, entropy_dtype = self._choices
        extra = None if self._extra is None else self._extra.absolute()
        make = partial(
            Codec, extra, device=device, precision=precision, entropy_dtype=entropy_dtype, threads=self.threads
        )
        return make, ()

    def encode(
        self,
        image: PictureSource,
        quality: float = DEFAULT_QUALITY,
        *,
        metadata: Metadata | None = None,
        frame: int | None = None,
        **settings: Unpack[EncodeOptions],
    ) -> bytes:
        """Encode one picture.

        Args:
            image: a path, binary file object, PIL image, array (H, W) or (H, W, 1..4) uint8, or tensor
                (1..4, H, W), uint8 or floating point within 0..1. One channel is grey, two are grey and
                alpha, three RGB, four RGBA.
            quality: 0..100; equal steps look like equal steps of PSNR.
            metadata: ICC profile, EXIF and XMP to store instead of those that came with `image`.
            frame: of an animation, counted from 0.
            settings: the other fields of `EncodeSettings`: target, lossless, exact, effort, tune, tile, regions.

        Returns:
            The bytes of a `.wisp` file.

        Raises:
            FileAccessError, LimitError, UnsupportedError: the picture cannot be coded, and why.
            ExactnessError: this machine's arithmetic is not the model's. TargetError: the target is out of
            reach. RequestError: a region outside the picture. ValueError, TypeError: arguments.
        """
        chosen = EncodeSettings(quality=quality, **settings)
        if not isinstance(metadata, Metadata | None):
            raise TypeError(f"metadata of type {type(metadata).__name__}: wisp.Metadata is expected")
        picture = load_picture(image, frame=frame)
        if metadata is not None:
            picture = replace(picture, metadata=metadata)
        return self.encode_picture(picture, chosen).data

    def decode(
        self, data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False
    ) -> Image.Image:
        """Decode one picture.

        Args:
            data: bytes, a path or a binary file object.
            crop: (x, y, width, height) in pixels; only the tiles that it needs are decoded.
            fast: let the fast synthesis of the file's model make the pixels, sooner and a little worse. The decoded
                latents and every check of them are the same.
            preview: leave out the detail, which is most of a file of high quality and lies at its end; a file that
                ends before it will do.

        Returns:
            An image of mode L, LA, RGB or RGBA; `info` holds icc_profile, exif and xmp where the file does.

        Raises:
            NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError, ModelNotFoundError,
            ModelFileError, ExactnessError, FileAccessError: each kind of fault has its own. RequestError: a
            crop beyond the picture. ModelNotFoundError also where the model has no fast synthesis here.
        """
        still = read_file(data, preview=preview)
        decoded = self.decode_still(still, crop=crop, fast=fast, preview=preview)
        return image_of(Picture(decoded.picture.pixels, still.metadata))

    def decode_array(
        self, data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False
    ) -> NDArray[np.uint8]:
        """As `decode`, -> array (H, W, C) uint8, C = 1 to 4 for L, LA, RGB, RGBA."""
        still = read_file(data, preview=preview)
        return self.decode_still(still, crop=crop, fast=fast, preview=preview).picture.pixels

    def decode_tensor(
        self, data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False
    ) -> Tensor:
        """As `decode`, -> tensor (C, H, W) uint8 on the CPU, C = 1 to 4 for L, LA, RGB, RGBA."""
        import torch

        pixels = self.decode_array(data, crop=crop, fast=fast, preview=preview)
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())

    def salvage(self, data: Source, *, fast: bool = False) -> tuple[Image.Image, SalvageReport]:
        """What of a damaged file can be shown: lost tiles, and what depends on them next to them, are grey.

        A tile of which only the detail is lost is shown without it.

        Args:
            data: bytes, a path or a binary file object.
            fast: as in `decode`.

        Returns:
            An image as of `decode`, and what is lost.

        Raises:
            As `decode`, where the header or the model cannot be read; damaged tiles raise nothing.
        """
        picture, report = self.salvage_picture(data, fast=fast)
        return image_of(picture), report


def image_of(picture: Picture) -> Image.Image:
    image = picture.image()
    image.info.update(info_entries(picture.metadata))
    return image


_default: dict[str, Codec] = {}  # empty or one
_making = ForkLock()


def default_codec() -> Codec:
    """The codec behind the module's functions, kept for the process."""
    with _making:
        if not _default:
            _default["codec"] = Codec()
        return _default["codec"]


def encode(
    image: PictureSource,
    quality: float = DEFAULT_QUALITY,
    *,
    metadata: Metadata | None = None,
    frame: int | None = None,
    **settings: Unpack[EncodeOptions],
) -> bytes:
    """Encode one picture with the packaged model: see `Codec.encode`."""
    return default_codec().encode(image, quality, metadata=metadata, frame=frame, **settings)


def decode(data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False) -> Image.Image:
    """Decode one picture: see `Codec.decode`."""
    return default_codec().decode(data, crop=crop, fast=fast, preview=preview)


def decode_array(
    data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False
) -> NDArray[np.uint8]:
    """Decode one picture into an array (H, W, C) uint8: see `Codec.decode_array`."""
    return default_codec().decode_array(data, crop=crop, fast=fast, preview=preview)


def decode_tensor(data: Source, *, crop: Crop | None = None, fast: bool = False, preview: bool = False) -> Tensor:
    """Decode one picture into a tensor (C, H, W) uint8: see `Codec.decode_tensor`."""
    return default_codec().decode_tensor(data, crop=crop, fast=fast, preview=preview)


def salvage(data: Source, *, fast: bool = False) -> tuple[Image.Image, SalvageReport]:
    """What of a damaged file can be shown, and what is lost: see `Codec.salvage`."""
    return default_codec().salvage(data, fast=fast)
