"""Makes the golden files: `python -m tests.golden.make`.

Only for a change of format or model, never to make a test pass.

Each NAME.wisp comes with NAME.png, its pixels as the fp32 pixel path decodes them, and an entry in
golden.json with the hash of its latents.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.datasets import LIVE, read_picture
from bitstream.header import Header
from bitstream.still import build_still
from bitstream.units import Unit
from codec.api import Codec
from codec.entropy import encode_tiles
from codec.pixels import analyse
from codec.tiles import entropy_tiles, field_size, quality_field

FOLDER = Path(__file__).parent


def crop(name: str, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
    """A part of a LIVE picture."""
    return np.ascontiguousarray(read_picture(LIVE / f"{name}.png")[top : top + height, left : left + width])


def with_deltas(codec: Codec, picture: NDArray[np.uint8], tile: int, header_quality: int, deltas: list[int]) -> bytes:
    """A file whose tiles have qualities of their own, as a quality map will write them."""
    model = codec.load(codec.model_info.id)
    height, width, _ = picture.shape
    field = field_size(width, height)
    tiles = entropy_tiles(field, tile)
    qualities = [header_quality + delta for delta in deltas]
    latent = analyse(model, picture, quality_field(tiles, qualities, field))
    units = []
    for i, (area, quality, delta) in enumerate(zip(tiles, qualities, deltas, strict=True)):
        (coded,) = encode_tiles(model, latent[(..., *area.index)].contiguous(), [quality])
        units.append(Unit(i, coded.stream, coded.check, quality_delta=delta))
    return build_still(Header(width, height, header_quality, (model.info.id_bytes,), bytes(4), tile), units)


def golden_files(codec: Codec) -> dict[str, bytes]:
    """Every golden file by name."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return {
        "pixel": codec.encode(crop("parrots", 100, 200, 1, 1), 50),
        "small": codec.encode(crop("parrots", 100, 200, 48, 64), 50),
        "tiles": codec.encode(crop("house", 64, 300, 150, 200), 80, tile=64),
        "best": codec.encode(crop("woman", 200, 300, 128, 96), 100),
        "smallest": codec.encode(crop("statue", 200, 300, 128, 160), 0, tile=128),
        "noise": codec.encode(noise, 100),
        "deltas": with_deltas(codec, crop("monarch", 100, 100, 130, 192), 64, 6000, [0, -3000, 9000] * 3),
    }


def main() -> None:
    """Write files, pictures and hashes."""
    torch.set_num_threads(1)
    codec = Codec(device="cpu", precision="fp32")
    hashes = {}
    for name, data in golden_files(codec).items():
        (FOLDER / f"{name}.wisp").write_bytes(data)
        Image.fromarray(codec.decode_array(data)).save(FOLDER / f"{name}.png")
        hashes[name] = codec.decode_latents(data).sha256
    (FOLDER / "golden.json").write_text(json.dumps(hashes, indent=2) + "\n")


if __name__ == "__main__":
    main()
