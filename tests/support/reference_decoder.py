"""The entropy path of a `.wisp` decoder, written from bitstream/FORMAT.md alone.

Nothing here was taken from the codec and nothing is imported from it: the tests decode files with this module
to prove that sections 1 to 7 of the page are enough to write a decoder in another language. All arithmetic is on
integers; whatever is wrong with a file or a model is a ValueError. Chunks, header and lossless tiles are in
tests/support/reference_file.py.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from tests.support.reference_file import (
    Header,
    Pixels,
    Unit,
    alpha_plane,
    lossless_pixels,
    need,
    read_file,
    tile_boxes,
    tile_sizes,
)

Ints = NDArray[np.int64]
Tensors = dict[str, NDArray[Any]]

DEFAULTS: dict[str, Any] = {
    "c": 256, "cy": 256, "cz": 128, "cp": 256, "enc_depth": 8, "dec_depth": 12, "deep": 2, "context": "clamp",
}  # fmt: skip
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))
PHASE = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))
UNIFORM = range(0, 2**24 + 1, 256)
M64 = 2**64 - 1


# Section 5: models


@dataclass(frozen=True)
class Table:
    lowest: int
    cumulative: list[int]  # begins with 0, ends with 2^24


@dataclass(frozen=True)
class Model:
    config: dict[str, Any]
    tensors: Tensors
    skip_below: int
    id: str
    tables: dict[str, list[Table]]


def model_id(config_json_metadata: str, skip_below: int, tensors: Tensors) -> str:
    given = json.loads(config_json_metadata)
    config = {key: value for key, value in given.items() if DEFAULTS.get(key) != value}
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{text}\n{skip_below}\n".encode())
    for name in sorted(tensors, key=str.encode):
        value = tensors[name]
        digest.update(f"{name} {value.dtype.name} {'x'.join(map(str, value.shape))}\n".encode())
        digest.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
    return digest.digest()[:8].hex()


def read_tables(tensors: Tensors, kind: str) -> list[Table]:
    stored, length, lowest = (tensors[f"tables.{kind}.{part}"].tolist() for part in ("stored", "length", "lowest"))
    need(len(length) == len(lowest) == 64 and sum(length) == len(stored), "corrupt model: tables")
    tables, start = [], 0
    for n, low in zip(length, lowest, strict=True):
        cumulative = [0, *accumulate(frequency + 1 for frequency in stored[start : start + n])]
        need(n >= 2 and cumulative[-1] == 2**24, "corrupt model: a table's total")
        tables.append(Table(low, cumulative))
        start += n
    return tables


def read_model(path: str | Path) -> Model:
    with safe_open(str(path), framework="numpy") as file:
        meta = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    need(meta.get("format") == "wisp-model" and meta.get("version") == "0", "unsupported model")
    skip_below = int(meta["skip_below"])
    need(0 <= skip_below <= 64, "corrupt model: skip_below")
    need(model_id(meta["config"], skip_below, tensors) == meta["id"], "corrupt model: id")
    config = DEFAULTS | json.loads(meta["config"])
    need(tensors["z.table_index"].max() < 64, "corrupt model: z.table_index")
    need(config["context"] in ("clamp", "compand"), "unsupported model: context")
    return Model(config, tensors, skip_below, meta["id"], {kind: read_tables(tensors, kind) for kind in "yz"})


# Section 6: the prior


def divide(v: Ints, n: int | Ints) -> Ints:
    """v / n rounded half to even, n > 0."""
    quotient: Ints = v // n
    rest = v - quotient * n
    quotient += (2 * rest > n) | ((2 * rest == n) & (quotient % 2 == 1))
    return quotient


def snap(v: Ints, unit: int = 16) -> Ints:
    return np.clip(divide(v, unit), -511, 511)


def snap_leaky(v: Ints) -> Ints:
    """snap(leaky(v)); leaky is not rounded, so it is held eight times as large."""
    return snap(np.where(v >= 0, 8 * v, v), 8 * 16)


def mix(weight: NDArray[Any], a: Ints) -> Ints:
    # Exact in float64, which unlike int64 has a fast product: |a| < 2^9, |weight| < 2^7 and fewer than 2^37 terms
    # keep every partial sum, in whatever order, an integer below 2^53.
    flat = weight[:, :, 0, 0].astype(np.float64) @ a.reshape(len(a), -1).astype(np.float64)
    return flat.astype(np.int64).reshape(len(weight), *a.shape[1:])


def depthwise(weight: NDArray[Any], a: Ints) -> Ints:
    _, height, width = a.shape
    padded = np.pad(a, ((0, 0), (1, 1), (1, 1)))
    total = np.zeros_like(a)
    for j in range(3):
        for k in range(3):
            total += weight[:, 0, j, k].astype(np.int64)[:, None, None] * padded[:, j : j + height, k : k + width]
    return total


def conv(model: Model, layer: str, a: Ints) -> Ints:
    weight, shift, bias = (model.tensors[f"prior.{layer}.{part}"] for part in ("weight", "shift", "bias"))
    total = (depthwise if weight.shape[2:] == (3, 3) else mix)(weight, a)
    divisor = np.left_shift(np.int64(1), shift.astype(np.int64))
    return divide(16 * total, divisor[:, None, None]) + bias.astype(np.int64)[:, None, None]


def shuffle(v: Ints) -> Ints:
    channels, height, width = v.shape
    split = v.reshape(channels // 4, 2, 2, height, width)
    return split.transpose(0, 3, 1, 4, 2).reshape(channels // 4, 2 * height, 2 * width)


def block(model: Model, name: str, x: Ints) -> Ints:
    inner = snap_leaky(conv(model, f"{name}.a", snap(x)))
    x = x + conv(model, f"{name}.b", snap(conv(model, f"{name}.dw", inner)))
    return x + conv(model, f"{name}.g", snap_leaky(conv(model, f"{name}.f", snap(x))))


def hyper_synthesis(model: Model, z: Ints, row: int) -> Ints:
    h = shuffle(conv(model, "up1", np.clip(16 * z, -511, 511)))
    h = h + model.tensors["prior.quality_bias"][row].astype(np.int64)[:, None, None]
    h = shuffle(conv(model, "up2", snap(block(model, "b1", h))))
    return snap(block(model, "b2.1", block(model, "b2.0", h)))


def context_of(model: Model, y16: Ints) -> Ints:
    if model.config["context"] == "compand":
        a, b = np.clip(y16, -128, 128), np.clip(y16, -1152, 1152)
        y16 = divide(64 * a + 8 * (b - a) + (y16 - b), 64)
    return np.clip(y16, -511, 511)


def quarter_slices(k: int, cy: int) -> Iterator[tuple[int, slice, slice]]:
    for c in range(cy):
        top, left = PHASES[PHASE[k][4 * c // cy]]
        yield c, slice(top, None, 2), slice(left, None, 2)


def step(model: Model, features: Ints, y16: Ints, k: int) -> tuple[Ints, Ints]:
    """mu and s of the elements that step k codes, each cy x H/2 x W/2."""
    inputs = features if k == 0 else np.concatenate([features, context_of(model, y16)])
    x = block(model, f"trunk.{k}.0", conv(model, f"enter.{k}", inputs))
    x = x if k == 0 else block(model, f"trunk.{k}.1", x)
    v = conv(model, f"leave.{k}", snap(x))
    cy = len(y16)
    quarter = np.stack([v[[c, cy + c], rows, columns] for c, rows, columns in quarter_slices(k, cy)], axis=1)
    return divide(quarter[0], 16), np.clip(divide(32 * 25 + quarter[1], 32), 0, 63)


# Section 4: range coding


class RangeDecoder:
    def __init__(self, stream: bytes) -> None:
        self.words = (word for (word,) in struct.iter_unpack("<I", stream))
        self.lower, self.range = 0, M64
        self.point = next(self.words, 0) << 32
        self.point |= next(self.words, 0)

    def entry(self, cumulative: Sequence[int]) -> int:
        scale = self.range >> 24
        quantile = ((self.point - self.lower) & M64) // scale
        need(quantile < 2**24, "corrupt: range coder")
        i = bisect_right(cumulative, quantile) - 1
        self.lower = (self.lower + scale * cumulative[i]) & M64
        self.range = scale * (cumulative[i + 1] - cumulative[i])
        if self.range < 2**32:
            self.lower = (self.lower << 32) & M64
            self.range <<= 32
            self.point = ((self.point << 32) & M64) | next(self.words, 0)
        return i


def decode_run(coder: RangeDecoder, table: Table, count: int) -> list[int]:
    entries = [coder.entry(table.cumulative) for _ in range(count)]
    escape = len(table.cumulative) - 2
    escaped = [coder.entry(UNIFORM) for _ in range(entries.count(escape))]
    need(0 not in escaped, "corrupt: escaped value")
    values = iter(escaped)
    return [next(values) - 32768 if i == escape else table.lowest + i for i in entries]


def decode_group(coder: RangeDecoder, tables: list[Table], index: Ints, first: int = 0) -> Ints:
    """The symbols of one group; index holds the table of each in (channel, row, column) order."""
    symbols = np.zeros(index.size, np.int64)
    for t in range(first, len(tables)):
        where = np.flatnonzero(index == t)
        symbols[where] = decode_run(coder, tables[t], len(where))
    return symbols.reshape(index.shape)


# Section 3: what the units of a file hold


@dataclass(frozen=True)
class TileLatents:
    z: Ints
    y16: Ints

    def latent_bytes(self) -> bytes:
        return self.z.astype("<i2").tobytes() + self.y16.astype("<i4").tobytes()


@dataclass(frozen=True)
class Tile:
    """A learned tile has latents and, where the picture has it, alpha; a lossless one every channel, alpha last."""

    latents: TileLatents | None = None
    alpha: Pixels | None = None
    pixels: Pixels | None = None


def decode_latents(stream: bytes, model: Model, row: int, size: tuple[int, int]) -> TileLatents:
    height, width = size
    coder = RangeDecoder(stream)
    index = model.tensors["z.table_index"][row].astype(np.int64)[:, None, None]
    z_shape = (len(index), height // 4, width // 4)
    z = decode_group(coder, model.tables["z"], np.broadcast_to(index, z_shape))
    features = hyper_synthesis(model, z, row)
    y16 = np.zeros((model.config["cy"], height, width), np.int64)
    for k in range(4):
        mu, s = step(model, features, y16, k)
        quarter = 16 * decode_group(coder, model.tables["y"], s, model.skip_below) + mu
        for c, rows, columns in quarter_slices(k, len(y16)):
            y16[c, rows, columns] = quarter[c]
    return TileLatents(z, y16)


def decode_learned(unit: Unit, model: Model, header: Header, size: tuple[int, int]) -> TileLatents:
    need(header.models[unit.slot] == model.id, "another model is needed: " + header.models[unit.slot])
    tile = decode_latents(unit.stream, model, (unit.quality + 128) // 256, size)
    need(zlib.crc32(tile.latent_bytes()) & 0xFFFF == unit.check, "corrupt: latent check")
    return tile


def decode_file(data: bytes, model: Model) -> list[Tile]:
    """Every tile in file order."""
    file = read_file(data)
    header, tiles = file.header, []
    for unit, size, box in zip(file.units, tile_sizes(header), tile_boxes(header), strict=True):
        if unit.lossless:
            tiles.append(Tile(pixels=lossless_pixels(unit, header, box)))
        else:
            alpha = alpha_plane(unit, box) if header.alpha else None
            tiles.append(Tile(decode_learned(unit, model, header, size), alpha))
    return tiles


def latents_sha256(tiles: list[Tile]) -> str:
    return hashlib.sha256(b"".join(tile.latents.latent_bytes() for tile in tiles if tile.latents)).hexdigest()


# Section 7: the known answer


def generate(first: int, count: int) -> Ints:
    u = [i * 0x9E3779B97F4A7C15 & M64 for i in range(first, first + count)]
    return np.array([((v ^ v >> 30) * 0xBF58476D1CE4E5B9 & M64) >> 33 for v in u], np.int64)


def known_answer(model: Model) -> bytes:
    cy, cz = model.config["cy"], model.config["cz"]
    levels = np.array([-2047, -511, -128, -17, -8, -1, 0, 1, 8, 16, 129, 511, 1153, 2047], np.int64)
    count = 2 * cz * 2 * 3
    z = generate(1, count).reshape(2, cz, 2, 3) % 81 - 40
    y16 = levels[generate(1 + count, 2 * cy * 8 * 12) % 14].reshape(2, cy, 8, 12)
    features = [hyper_synthesis(model, z[tile], row) for tile, row in enumerate((0, 63))]
    parts = [np.stack(features)]
    for k in range(4):
        steps = [step(model, features[tile], y16[tile], k) for tile in range(2)]
        parts += [np.stack([mu for mu, _ in steps]), np.stack([s for _, s in steps])]
    return hashlib.sha256(b"".join(part.astype("<i4").tobytes() for part in parts)).digest()
