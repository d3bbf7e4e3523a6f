"""Colours of videos."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from codec.pixels.frame import Frame
from codec.restore.colorize import Chroma
from codec.restore.colorizer import Colorizer
from codec.restore.steady import steadied
from tests.support.restorers import tiny_network
from tests.support.scenes import photo

SIDE = 96


def luma(shift: int) -> torch.Tensor:
    wide = photo(SIDE, SIDE + 32, "L")[:, shift : shift + SIDE, 0]
    return torch.from_numpy(wide.copy())[None, None].float() / 255


def chroma(shift: int, seed: int) -> Chroma:
    """Colours that lie on the picture, and flicker on top."""
    flicker = torch.randn(2, generator=torch.Generator().manual_seed(seed)) * 0.05
    planes = torch.cat([luma(shift) - 0.5, 0.5 - luma(shift)], 1) / 4
    return Chroma(luma(shift), planes + flicker[None, :, None, None])


@pytest.mark.parametrize("speed", [0, 2])
def test_flicker_falls_and_colours_move_along(speed: int) -> None:
    before, steady, flat = chroma(0, 0), [], []
    for number in range(1, 8):
        now = chroma(number * speed, number)
        before = steadied(before, now)
        away = before.planes - chroma(number * speed, 0).planes
        inner = away[..., :, : SIDE - 16]
        steady.append(inner.mean((0, 2, 3)))
        flat.append((now.planes - chroma(number * speed, 0).planes).mean((0, 2, 3)))
        assert (inner - inner.mean((2, 3), keepdim=True)).abs().mean() < 0.01  # nothing smears
    changes = [torch.stack(values).diff(dim=0).abs().mean() for values in (steady, flat)]
    assert changes[0] < 0.3 * changes[1]


def test_another_scene_has_its_own_colours() -> None:
    now = chroma(0, 1)
    black = Chroma(torch.zeros_like(now.luma), torch.full_like(now.planes, 0.3))
    assert steadied(black, now) is now
    small = Chroma(now.luma[..., :32], now.planes[..., :32])
    assert steadied(small, now) is now


def test_a_clip_begins_as_a_picture_and_keeps_its_alpha() -> None:
    pixels = photo(32, 48, "LA")
    frames = [Frame(pixels, number, 1, Fraction(1, 25), number) for number in range(3)]
    made = [item.pixels for item in Colorizer(tiny_network("colorize")).clip(iter(frames)) if isinstance(item, Frame)]
    assert [frame.shape for frame in made] == [(32, 48, 4)] * 3
    assert (made[0][:, :, 3] == pixels[:, :, 1]).all()
    assert all(abs(made[0].astype(int) - frame).max() <= 1 for frame in made)  # nothing moves, nothing changes
    assert np.ptp(made[0][:, :, :3].astype(int), axis=2).max() > 5
