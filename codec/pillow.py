"""Pillow plugin: `import codec.pillow`, and Pillow opens and saves `.wisp` files.

    import codec.pillow
    image = Image.open("photo.wisp")  # reads and checks the file; the pixels are decoded when they are needed
    image.save("copy.wisp", quality=60)

Options of `save`: `quality` (0..100), `lossless`, `exact`, `tile`, `target`, `effort`, `tune` as in `Codec.encode`;
`icc_profile`, `exif` and `xmp` (bytes), which are otherwise taken from `Image.info`. Written by Pillow's guide
"Writing your own image plugin".
"""

from __future__ import annotations

from typing import IO, Any, BinaryIO, cast

from PIL import Image, ImageFile

from bitstream.chunks import SIGNATURE
from bitstream.errors import NotWispError, WispError
from bitstream.still import Still
from codec.files.source import read_file
from codec.formats.pictures.attached import info_entries
from codec.jobs.describe_still import describe
from codec.settings import DEFAULT_QUALITY

FORMAT = "WISP"
ENDING = ".wisp"
MIME = "image/x-wisp"
_SETTINGS = ("lossless", "exact", "tile", "target", "effort", "tune")  # options of `save` beside the quality


class WispImageFile(ImageFile.ImageFile):
    """A `.wisp` file as a Pillow image.

    `info` holds quality, lossless and model as `codec.probe` tells them, and icc_profile, exif and xmp
    where the file does. A damaged file raises OSError on opening or loading, as with Pillow's own.
    """

    format = FORMAT
    format_description = "Wisp learned image codec"
    _still: Still | None = None  # also that of an image that comes out of a pickle, pixels and all

    def _open(self) -> None:
        assert self.fp is not None
        try:
            self._still = read_file(cast(BinaryIO, self.fp))
            facts = describe(self._still)
        except NotWispError as error:
            raise SyntaxError(str(error)) from error  # what tells Pillow to try another plugin
        except WispError as error:
            raise OSError(str(error)) from error
        header = self._still.header
        self._size = (header.width, header.height)
        self._mode = header.mode
        self.info.update(quality=facts.quality, lossless=facts.lossless, model=facts.model)
        self.info.update(info_entries(self._still.metadata))
        self.tile = []

    def load(self) -> Any:
        """Decode the pixels, once."""
        if self._still is not None:
            from codec.api import default_codec

            try:
                self.im = default_codec().decode(self._still).im
            except WispError as error:
                raise OSError(str(error)) from error
            self._still = None
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()


def _save(image: Image.Image, file: IO[bytes], _: str | bytes) -> None:
    from codec.api import default_codec

    options: dict[str, Any] = getattr(image, "encoderinfo", {})
    found = image.info
    # Not a copy of the image: that would forget its format, and with it what a PNG says of its colours.
    image.info = {**found, **{name: options[name] for name in ("icc_profile", "exif", "xmp") if name in options}}
    try:
        data = default_codec().encode(
            image,
            options.get("quality", DEFAULT_QUALITY),
            **{name: options[name] for name in _SETTINGS if name in options},
        )
    except WispError as error:
        raise OSError(str(error)) from error  # as Pillow's own writers say that they cannot
    finally:
        image.info = found
    file.write(data)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(SIGNATURE)


def register_pillow() -> None:
    """Make Pillow open and save `.wisp` files; more calls than one do nothing more."""
    Image.register_open(FORMAT, WispImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_extension(FORMAT, ENDING)
    Image.register_mime(FORMAT, MIME)


register_pillow()
