"""Section 11 of bitstream/FORMAT.md, detail, written from that page: on top of reference_decoder.py, in integers."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from tests.support.reference_decoder import (
    PHASES,
    Ints,
    Model,
    RangeDecoder,
    TileLatents,
    block,
    conv,
    decode_group,
    divide,
    generate,
    hyper_synthesis,
    read_tables,
    snap,
)
from tests.support.reference_file import Detail, need

CHANNELS = 768
LOG_STEP = (math.log(64) - math.log(0.11)) / 63


@dataclass(frozen=True)
class Layer:
    model: str
    id: str
    prior: Model  # its configuration, tensors, T and tables


def read_layer(path: str | Path) -> Layer:
    with safe_open(str(path), framework="numpy") as file:
        meta: dict[str, Any] = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    need(meta.get("format") == "wisp-detail" and meta.get("version") == "0", "unsupported detail layer")
    config, skip_below = json.loads(meta["config"]), int(meta["skip_below"])
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{text}\n{skip_below}\n{meta['model']}\n".encode())
    for name in sorted(tensors, key=str.encode):
        value = tensors[name]
        digest.update(f"{name} {value.dtype.name} {'x'.join(map(str, value.shape))}\n".encode())
        digest.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
    need(digest.digest()[:8].hex() == meta["id"], "corrupt detail layer: id")
    tables = {"detail": read_tables(tensors, "detail")}
    return Layer(meta["model"], meta["id"], Model(config, tensors, skip_below, meta["id"], tables))


def compand64(v: Ints) -> Ints:
    """64 times the unrounded sum."""
    a, b = np.clip(v, -128, 128), np.clip(v, -1152, 1152)
    return 64 * a + 8 * (b - a) + (v - b)


def shift_of(step_code: int) -> int:
    return int(divide(np.array([step_code]), 32)[0])


def begun(prior: Model, features: Ints, y16: Ints, shift: int) -> Ints:
    seen = np.clip(divide(compand64(y16), 64), -511, 511)
    bias = prior.tensors["prior.shift_bias"][min(max(shift, -16), 16) + 16].astype(np.int64)
    return through(prior, 0, conv(prior, "look_f", features) + conv(prior, "look_y", seen) + bias[:, None, None])


def gone_on(prior: Model, x: Ints, symbols: Ints) -> Ints:
    a = np.minimum(divide(compand64(16 * np.abs(symbols)), 64), 511)
    return through(prior, 1, x + conv(prior, "enter", np.concatenate([snap(x), a])))


def through(prior: Model, half: int, x: Ints) -> Ints:
    for i in range(prior.config["blocks"]):
        x = block(prior, f"trunk.{half}.{i}", x)
    return x


def indices(prior: Model, half: int, x: Ints, shift: int) -> Ints:
    """s of a half's positions, (channel, row div 2, phase, column div 2)."""
    v = conv(prior, f"leave.{half}", snap(x))
    s = np.clip(divide(32 * (25 + shift) + v, 32), 0, 63)
    return np.stack([s[:, top::2, left::2] for top, left in PHASES[2 * half : 2 * half + 2]], 2)


def decode_symbols(layer: Layer, model: Model, detail: Detail, base: TileLatents, row: int) -> Ints:
    """t, (channel, row, column)."""
    need(layer.model == model.id, "another model's detail")
    prior, shift, coder = layer.prior, shift_of(detail.step_code), RangeDecoder(detail.stream)
    symbols = np.zeros((CHANNELS, *base.y16.shape[1:]), np.int64)
    x = begun(prior, hyper_synthesis(model, base.z, row), base.y16, shift)
    for half in range(2):
        x = gone_on(prior, x, symbols) if half else x
        found = decode_group(coder, prior.tables["detail"], indices(prior, half, x, shift), prior.skip_below)
        for i, (top, left) in enumerate(PHASES[2 * half : 2 * half + 2]):
            symbols[:, top::2, left::2] = found[:, :, i]
    need(zlib.crc32(symbols.astype("<i2").tobytes()) & 0xFFFF == detail.check, "corrupt: check of detail")
    return symbols


def left_of(symbols: Ints, step_code: int) -> NDArray[np.float64]:
    """What is added to the pixels, (rows, columns, 3), in levels."""
    k, n = np.arange(16)[:, None], np.arange(16)
    d = math.sqrt(2 / 16) * np.cos(math.pi * (n + 0.5) * k / 16)
    d[0] /= math.sqrt(2)
    e = np.array([[1, 1, 1], [1, 0, -1], [-1, 2, -1]]) / np.sqrt([[3], [2], [6]])
    places = [(c, u, v) for c in range(3) for u in range(16) for v in range(16)]
    places.sort(key=lambda p: (((2 * p[1] + 1) ** 2 + (2 * p[2] + 1) ** 2) * (25 if p[0] else 9), p))
    functions = np.array([np.einsum("c,i,j->ijc", e[c], d[u], d[v]) for c, u, v in places])
    step = 8 * math.exp(-step_code * LOG_STEP / 32)
    height, width = symbols.shape[1:]
    blocks = np.tensordot(symbols * step, functions, (0, 0))  # (row, column, 16, 16, colour)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(16 * height, 16 * width, 3)


def known_answer(layer: Layer) -> bytes:
    prior, size = layer.prior, 8 * 12
    cp, cy = (2 * prior.config[key] * size for key in ("features", "latents"))
    levels = np.array([-2047, -511, -128, -17, -8, -1, 0, 1, 8, 16, 129, 511, 1153, 2047], np.int64)
    features = (generate(1, cp) % 1023 - 511).reshape(2, -1, 8, 12)
    y16 = levels[generate(1 + cp, cy) % 14].reshape(2, -1, 8, 12)
    symbols = (generate(1 + cp + cy, 2 * CHANNELS * size) % 81 - 40).reshape(2, -1, 8, 12)
    for top, left in PHASES[2:]:
        symbols[:, :, top::2, left::2] = 0
    halves: list[list[Ints]] = [[], []]
    for tile, shift in enumerate((-16, 16)):
        x = begun(prior, features[tile], y16[tile], shift)
        halves[0].append(indices(prior, 0, x, shift))
        halves[1].append(indices(prior, 1, gone_on(prior, x, symbols[tile]), shift))
    return hashlib.sha256(b"".join(np.stack(half).astype("<i4").tobytes() for half in halves)).digest()
