"""The limits of the format and of this implementation, checked before memory is taken."""

from __future__ import annotations

from bitstream.errors import LimitError

MAX_SIDE = 65_535  # pixels: width and height are u16
MAX_PIXELS = 1 << 27  # 134 megapixels in one picture; an implementation's limit, not the format's
TILE_STEP = 64  # pixels: one position of the hyper-latent
MIN_TILE, MAX_TILE, DEFAULT_TILE = 64, 4096, 1024  # pixels a side; WebP lossless ends at 16,383
MAX_QUALITY = 63 * 256  # the model's quality 0..63 in steps of 1/256
MAX_CHUNK_BYTES = (1 << 31) - 1
MAX_OTHER_CHUNKS = 4096  # chunks of a file that are no units
MAX_FILE_BYTES = 1 << 31
MAX_METADATA_BYTES = 1 << 26  # of each kind: ICC profile, EXIF, XMP
# Bytes of one unit. A lossless pixel takes about 4; a symbol of a range-coder stream at most 40 bits (24 for
# the escape, 16 for its value), so that 32 bytes a pixel leaves room for models with 6 latents a pixel, five
# times what v1 has.
MAX_PAYLOAD_BYTES_PER_PIXEL = 32


def check_dimensions(width: int, height: int) -> None:
    """Raise LimitError where a picture of `width` x `height` pixels is too large to be coded."""
    if width > MAX_SIDE or height > MAX_SIDE:
        raise LimitError(f"picture of {width}x{height} pixels: a side may have at most {MAX_SIDE}")
    if width * height > MAX_PIXELS:
        raise LimitError(f"picture of {width}x{height} pixels: at most {MAX_PIXELS} pixels are allowed")
