"""The pixel path of a `.wisp` decoder, written from bitstream/FORMAT.md, section 8, in float64.

With tests/support/reference_decoder.py it makes a whole decoder that takes nothing from the codec. It works on whole
pictures, so it is for small ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.support.reference_decoder import Model, decode_file
from tests.support.reference_file import Pixels, read_file, tile_boxes, tile_sizes

Floats = NDArray[np.float64]


def tensor(model: Model, name: str) -> Floats:
    return model.tensors[name].astype(np.float64)


def mix(model: Model, name: str, x: Floats) -> Floats:
    weight, bias = tensor(model, f"{name}.weight")[:, :, 0, 0], tensor(model, f"{name}.bias")
    mixed: Floats = (weight @ x.reshape(len(x), -1) + bias[:, None]).reshape(len(weight), *x.shape[1:])
    return mixed


def depthwise(model: Model, name: str, x: Floats) -> Floats:
    weight, (_, height, width) = tensor(model, f"{name}.weight")[:, 0], x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    total = np.zeros_like(x) + tensor(model, f"{name}.bias")[:, None, None]
    for j in range(3):
        for k in range(3):
            total += weight[:, j, k][:, None, None] * padded[:, j : j + height, k : k + width]
    return total


def leaky(x: Floats) -> Floats:
    return np.where(x >= 0, x, x / 8)


def blocks(model: Model, name: str, numbers: range, x: Floats) -> Floats:
    for i in numbers:
        inner = depthwise(model, f"{name}.{i}.dw", leaky(mix(model, f"{name}.{i}.a", x)))
        x = x + mix(model, f"{name}.{i}.b", inner)
        x = x + mix(model, f"{name}.{i}.g", leaky(mix(model, f"{name}.{i}.f", x)))
    return x


def gain(model: Model, name: str, quality: NDArray[np.int64]) -> Floats:
    """Of every position of a map of qualities (h, w) -> (channels, h, w)."""
    table, position = tensor(model, f"{name}.table"), quality / 256 * 7 / 63
    return np.exp([np.interp(position, np.arange(8), column) for column in table.T])


def shuffle(x: Floats, side: int) -> Floats:
    """Channel side^2 * i + side * j + k at (y, x) -> channel i at (side * y + j, side * x + k)."""
    channels, height, width = x.shape
    split = x.reshape(channels // side**2, side, side, height, width).transpose(0, 3, 1, 4, 2)
    return split.reshape(channels // side**2, height * side, width * side)


def unshuffle(x: Floats, side: int) -> Floats:
    channels, height, width = x.shape
    split = x.reshape(channels, height // side, side, width // side, side).transpose(0, 2, 4, 1, 3)
    return split.reshape(channels * side**2, height // side, width // side)


def in_the_middle(model: Model, part: str, depth: int, h: Floats, quality: NDArray[np.int64]) -> Floats:
    """The blocks at 1/8, half of them before the gain."""
    h = blocks(model, f"{part}.blocks", range(depth // 2), h)
    h = h * gain(model, f"{part}.gain", quality.repeat(2, 0).repeat(2, 1))
    return blocks(model, f"{part}.blocks", range(depth // 2, depth), h)


def synthesis(model: Model, y: Floats, quality: NDArray[np.int64]) -> Floats:
    """-> p, laid out as pixels (3, 16h, 16w)."""
    h = mix(model, "synthesis.stem", y * gain(model, "synthesis.y_inv", quality))
    h = blocks(model, "synthesis.deep", range(model.config["deep"]), h)
    h = shuffle(mix(model, "synthesis.up", h), 2)
    h = in_the_middle(model, "synthesis", model.config["dec_depth"], h, quality)
    return shuffle(mix(model, "synthesis.head", h), 8)


def analysis(model: Model, pixels: Pixels, quality: NDArray[np.int64]) -> Floats:
    """Of (H, W, 3), which is then padded to the size of the map of qualities."""
    height, width = (16 * side for side in quality.shape)
    padded = np.pad(pixels, ((0, height - len(pixels)), (0, width - pixels.shape[1]), (0, 0)), "edge")
    h = mix(model, "analysis.stem", unshuffle(padded.transpose(2, 0, 1) / 255 - 0.5, 8))
    h = in_the_middle(model, "analysis", model.config["enc_depth"], h, quality)
    h = mix(model, "analysis.down", unshuffle(h, 2))
    h = blocks(model, "analysis.deep", range(model.config["deep"]), h)
    return mix(model, "analysis.head", h) * gain(model, "analysis.y_gain", quality)


def decode_pixels(data: bytes, model: Model) -> Pixels:
    """(H, W, C) of a file with at least one learned tile."""
    file, tiles = read_file(data), decode_file(data, model)
    header, sizes, boxes = file.header, tile_sizes(file.header), tile_boxes(file.header)
    rows, columns = (-(-side // 64) * 4 for side in (header.height, header.width))
    y, quality = np.zeros((model.config["cy"], rows, columns)), np.zeros((rows, columns), np.int64)
    for unit, tile, (height, width), box in zip(file.units, tiles, sizes, boxes, strict=True):
        top, left = box[0].start // 16, box[1].start // 16
        place = (slice(top, top + height), slice(left, left + width))
        quality[place] = unit.quality
        if tile.latents is not None:
            y[(slice(None), *place)] = tile.latents.y16 / 16
        elif tile.pixels is not None:
            colours = np.broadcast_to(tile.pixels[:, :, : header.colours], (*tile.pixels.shape[:2], 3))
            y[(slice(None), *place)] = analysis(model, colours, quality[place])
    p = synthesis(model, y, quality)[:, : header.height, : header.width].transpose(1, 2, 0)
    p = p if header.colours == 3 else p.mean(axis=2, keepdims=True)
    picture = np.clip(np.rint(255 * (p + 0.5)), 0, 255).astype(np.uint8)
    if header.alpha:
        picture = np.dstack([picture, np.zeros((header.height, header.width), np.uint8)])
    for tile, box in zip(tiles, boxes, strict=True):
        if tile.pixels is not None:
            picture[box] = tile.pixels
        elif tile.alpha is not None:
            picture[(*box, -1)] = tile.alpha
    return picture
