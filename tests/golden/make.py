"""Makes the golden files that are not there yet: `python -m tests.golden.make`.

Files that are there are left alone: delete one only for a change of format or model, never to make a test pass.

Each NAME.wisp comes with NAME.png, its pixels as the fp32 pixel path decodes them, and an entry in
golden.json with the hash of its latents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.datasets import LIVE, read_picture
from bitstream.header import Header
from bitstream.metadata import Metadata
from bitstream.still import build_still
from bitstream.units import Unit
from codec.api import Codec
from codec.pixels.picture import channels
from codec.still.entropy import encode_tiles
from codec.still.layout import Layout
from codec.still.lossless import code_lossless
from codec.still.pixel_path import analyse, quality_field

FOLDER = Path(__file__).parent
Pixels = NDArray[np.uint8]


def crop(name: str, top: int, left: int, height: int, width: int) -> Pixels:
    """A part of a LIVE picture."""
    return np.ascontiguousarray(read_picture(LIVE / f"{name}.png")[top : top + height, left : left + width])


def grey(picture: Pixels) -> Pixels:
    """(H, W, 3) -> (H, W, 1)."""
    return picture.mean(axis=2, keepdims=True).round().astype(np.uint8)


def faded(picture: Pixels) -> Pixels:
    """With alpha: 255 in the first 64 columns, from there falling to nothing at the right."""
    height, width, _ = picture.shape
    alpha = np.interp(np.arange(width), (64, width - 16), (255, 0)).round().astype(np.uint8)
    return np.dstack([picture, np.broadcast_to(alpha, (height, width))])


def drawn(height: int, width: int) -> Pixels:
    """(H, W, 4): discs of few colours on what is transparent, its colour not 0."""
    image = Image.new("RGBA", (width, height), (9, 99, 199, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, width - 10, height - 3), (200, 40, 30, 255))
    draw.ellipse((width // 2, height // 3, width - 2, height - 5), (250, 220, 90, 128))
    return channels(image)


def with_deltas(
    codec: Codec, picture: Pixels, tile: int, header_quality: int, deltas: list[int], lossless: Sequence[int] = ()
) -> bytes:
    """A file whose tiles have qualities of their own, as a quality map will write them, some of them `lossless`."""
    model = codec.load(codec.model_info.id)
    height, width, _ = picture.shape
    layout = Layout(Header(width, height, header_quality, (model.info.id_bytes,), bytes(4), tile))
    qualities = [header_quality + delta for delta in deltas]
    latent = analyse(model, picture, quality_field(layout.tiles, qualities, layout.field))
    units = []
    for i, (area, quality, delta) in enumerate(zip(layout.tiles, qualities, deltas, strict=True)):
        (coded,) = encode_tiles(model, latent[(..., *area.index)].contiguous(), [quality])
        unit = Unit(i, coded.stream, coded.check, quality_delta=delta)
        if i in lossless:
            exact = code_lossless(i, picture[layout.box(i).index])
            unit = Unit(i, exact.stream, exact.check, exact.kind, quality_delta=delta)
        units.append(unit)
    return build_still(layout.header, units)


def mixed(codec: Codec) -> bytes:
    """Learned and lossless tiles side by side, lossless ones too with qualities of their own: their latents' ones."""
    picture = crop("sailing1", 200, 100, 130, 192)
    picture[:64, 64:128] = drawn(64, 64)[:, :, :3]
    picture[70:, 150:] = (20, 60, 90)
    return with_deltas(codec, picture, 64, 6000, [0, 4000, -3000] * 3, lossless=(1, 5, 6, 8))


METADATA = Metadata(
    icc=bytes(range(128)) * 4,
    exif=b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0",
    xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>',
)
NOISE = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
MAKERS: dict[str, Callable[[Codec], bytes]] = {
    "pixel": lambda codec: codec.encode(crop("parrots", 100, 200, 1, 1), 50),
    "small": lambda codec: codec.encode(crop("parrots", 100, 200, 48, 64), 50),
    "tiles": lambda codec: codec.encode(crop("house", 64, 300, 150, 200), 80, tile=64),
    "best": lambda codec: codec.encode(crop("woman", 200, 300, 128, 96), 100),
    "smallest": lambda codec: codec.encode(crop("statue", 200, 300, 128, 160), 0, tile=128),
    "noise": lambda codec: codec.encode(NOISE, 100),
    "deltas": lambda codec: with_deltas(codec, crop("monarch", 100, 100, 130, 192), 64, 6000, [0, -3000, 9000] * 3),
    "grey": lambda codec: codec.encode(grey(crop("lighthouse2", 100, 300, 60, 75)), 60),
    "grey_alpha": lambda codec: codec.encode(faded(grey(crop("lighthouse2", 100, 300, 70, 150))), 60, tile=64),
    "rgba": lambda codec: codec.encode(faded(crop("parrots", 60, 180, 70, 150)), 60, tile=64),
    "rgba_lossless": lambda codec: codec.encode(
        np.pad(drawn(70, 90), ((0, 0), (0, 50), (0, 0))), lossless=True, exact=True, tile=64
    ),
    "mixed": mixed,
    "detail": lambda codec: codec.encode(crop("monarch", 40, 100, 100, 200), 92, tile=128),
    "detail_grey": lambda codec: codec.encode(faded(grey(crop("lighthouse2", 100, 300, 70, 150))), 85, tile=64),
    "metadata": lambda codec: codec.encode(crop("parrots", 100, 200, 16, 16), 50, metadata=METADATA),
}


def main() -> None:
    """Write files, pictures and hashes."""
    torch.set_num_threads(1)
    codec = Codec(device="cpu", precision="fp32")
    table = FOLDER / "golden.json"
    hashes = json.loads(table.read_text())
    for name, make in MAKERS.items():
        if (FOLDER / f"{name}.wisp").exists():
            continue
        data = make(codec)
        (FOLDER / f"{name}.wisp").write_bytes(data)
        codec.decode_still(codec.parsed(data)).picture.image().save(FOLDER / f"{name}.png", optimize=True)
        hashes[name] = codec.check(data)
    table.write_text(json.dumps(hashes, indent=2) + "\n")


if __name__ == "__main__":
    main()
