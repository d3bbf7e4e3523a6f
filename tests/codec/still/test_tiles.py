"""Geometry of tiles and windows, and that windows leave no trace in the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import codec.pixels.geometry
from codec.api import Codec
from codec.pixels.geometry import entropy_tiles, field_size, windows
from codec.still.pixel_path import analyse, quality_field, synthesise

SIDES = st.integers(1, 3000)


@given(SIDES, SIDES, st.integers(1, 64))
def test_tiles_cover_the_field_once_in_order(width: int, height: int, tile64: int) -> None:
    field = field_size(width, height)
    tiles = entropy_tiles(field, 64 * tile64)
    covered = np.zeros(field, np.int64)
    for area in tiles:
        assert area.height % 4 == 0 and area.width % 4 == 0
        covered[area.index] += 1
    assert (covered == 1).all()
    assert tiles == sorted(tiles, key=lambda area: (area.top, area.left))
    assert len(tiles) == -(-width // (64 * tile64)) * -(-height // (64 * tile64))


@given(SIDES, SIDES)
def test_windows_cover_the_field_once(width: int, height: int) -> None:
    field = field_size(width, height)
    covered = np.zeros(field, np.int64)
    for area in windows(field):
        assert max(area.height, area.width) <= codec.pixels.geometry.WINDOW
        covered[area.index] += 1
    assert (covered == 1).all()


def test_quality_field_is_a_map_only_where_tiles_differ() -> None:
    tiles = entropy_tiles((8, 8), 64)
    assert quality_field(tiles, [5] * 4, (8, 8)).shape == ()
    field = quality_field(tiles, [1, 2, 3, 4], (8, 8))
    assert field[0, 0] == 1 and field[0, 7] == 2 and field[7, 0] == 3 and field[7, 7] == 4


@pytest.mark.parametrize("deltas", [False, True])
def test_windows_give_what_the_whole_gives(
    wisp: Codec, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, deltas: bool
) -> None:
    picture = photograph[:240, :400]
    field = field_size(400, 240)
    tiles = entropy_tiles(field, 64)
    quality = quality_field(tiles, [4000 + 1000 * (i % 3) * deltas for i in range(len(tiles))], field)
    model = wisp.load(wisp.model_info.id)
    y_whole = analyse(model, picture, quality)
    y16 = (y_whole * 16).round()
    whole = synthesise(model, y16, quality, 400, 240)
    monkeypatch.setattr(codec.pixels.geometry, "WINDOW", 12)
    assert len(list(windows(field))) > 5
    assert torch.allclose(analyse(model, picture, quality), y_whole, atol=1e-3)
    in_windows = synthesise(model, y16, quality, 400, 240)
    assert np.abs(in_windows.astype(int) - whole).max() <= 1


def test_a_narrower_halo_would_show(
    wisp: Codec, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: without a halo the same comparison does."""
    picture = photograph[:240, :400]
    model = wisp.load(wisp.model_info.id)
    quality = torch.tensor(9000)
    y16 = (analyse(model, picture, quality) * 16).round()
    whole = synthesise(model, y16, quality, 400, 240)
    monkeypatch.setattr(codec.pixels.geometry, "WINDOW", 12)
    monkeypatch.setattr(type(model.config), "synthesis_halo", 0)
    assert np.abs(synthesise(model, y16, quality, 400, 240).astype(int) - whole).max() > 1
