"""Modes, copied blocks, the cost model, the search, vector features, and the order of frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from codec.motion.compensation import compensate
from codec.motion.cost import BlockCost
from codec.motion.features import vector_features
from codec.motion.modes import FIRST, MEAN, SECOND, blended, choose_coded, choose_modes, fronts
from codec.motion.order import CHAIN, GROUP, HIERARCHY, quality_below_key
from codec.motion.search import search
from tests.support.goldens import parrots


def noise(seed: int, height: int = 64, width: int = 64) -> Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.integers(0, 256, (3, height, width)).astype(np.uint8))


def test_costs_lie_between_those_that_were_fitted() -> None:
    assert BlockCost.at(8) == BlockCost(28.7, 148.0, 3.0)
    assert BlockCost.at(-5) == BlockCost.at(0) and BlockCost.at(80) == BlockCost.at(63.9)
    for name in ("slope", "floor", "knee"):
        values = [getattr(BlockCost.at(q), name) for q in np.linspace(0, 63, 40)]
        assert values == sorted(values, reverse=name == "knee")
    errors = BlockCost.at(20).of_error(torch.tensor([0.0, 10.0, 1000.0]))
    assert errors[0] == 0 and errors[1] < errors[2]


def test_blocks_take_the_reference_that_predicts_them() -> None:
    """Blocks of a picture that are left as they are in the first, in the second, or in neither: then the mean."""
    picture = torch.full((3, 64, 96), 128, dtype=torch.uint8)
    wanted = torch.randint(0, 3, (4, 6), generator=torch.Generator().manual_seed(1))
    mask = wanted.repeat_interleave(16, 0).repeat_interleave(16, 1)
    first = torch.where(mask == FIRST, picture, 168)
    second = torch.where(mask == SECOND, picture, torch.where(mask == FIRST, 20, 88)).to(torch.uint8)
    first = torch.where(mask == SECOND, 20, first).to(torch.uint8)
    assert torch.equal(choose_modes(first, second, picture, BlockCost.at(30)), wanted)


def test_fronts_know_their_neighbours() -> None:
    seen = set()
    for y, x in fronts(4, 6):
        front = list(zip(y.tolist(), x.tolist(), strict=True))
        for row, column in front:
            for other in ((row, column - 1), (row - 1, column), (row - 1, column + 1)):
                assert other in seen or not (other[0] >= 0 and 0 <= other[1] < 6)
        seen |= set(front)
    assert len(seen) == 24


def test_a_blend_goes_from_one_reference_to_the_other_in_whole_numbers() -> None:
    a, b = noise(1), noise(2)
    for mode, wanted in ((FIRST, a), (SECOND, b), (MEAN, (a.int() + b.int() + 1) // 2)):
        assert torch.equal(blended(a, b, torch.full((4, 4), mode)), wanted.to(torch.uint8))
    modes = torch.tensor([[FIRST, SECOND]])
    black, white = torch.zeros(3, 16, 32, dtype=torch.uint8), torch.full((3, 16, 32), 255, dtype=torch.uint8)
    ramp = [max(0, min(32, 2 * x - 15)) for x in range(32)]
    assert blended(black, white, modes)[0, 5].tolist() == [(255 * weight + 16) // 32 for weight in ramp]


def test_a_block_is_coded_where_its_error_is_worth_more_than_it_costs() -> None:
    picture = noise(3, 64, 128)
    prediction = picture.clone()
    prediction[:, :, 64:] = 255 - prediction[:, :, 64:]
    assert choose_coded(prediction, picture, BlockCost.at(30), 0.01).tolist() == [[[0.0, 1.0]]]
    assert choose_coded(prediction, picture, BlockCost.at(30), 0.0).sum() == 0


def test_features_are_distances_of_vectors() -> None:
    vectors = torch.zeros(1, 2, 3, 2, dtype=torch.int64)
    vectors[0, 1, 1] = torch.tensor([6, -800])
    found = vector_features(vectors)[0]
    assert found[:, 1, 1].tolist() == [0.75, 8.0, 0.75, 8.0] and found[:, 0].abs().sum() == 0
    assert found[:, 1, 2].tolist() == [0.75, 8.0, 0.0, 0.0]


@pytest.mark.parametrize("order", [CHAIN, HIERARCHY])
def test_references_are_coded_before(order: tuple[object, ...]) -> None:
    done = {0}
    for step in CHAIN if order is CHAIN else HIERARCHY:
        assert set(step.references) <= done
        done.add(step.frame)
    assert done == set(range(GROUP + 1))


def test_qualities_fall_with_the_levels() -> None:
    assert [quality_below_key(step, HIERARCHY) for step in HIERARCHY] == [4, 6.5, 9, 9, 11.5, 11.5, 11.5, 11.5]
    assert {quality_below_key(step, CHAIN) for step in CHAIN} == {4}


@pytest.mark.parametrize("vector", [(0, 0), (13, -22), (-37, 30)])
def test_the_search_finds_a_movement(vector: tuple[int, int]) -> None:
    reference = torch.from_numpy(parrots()[40:136, 100:228].copy()).permute(2, 0, 1)
    picture = compensate(reference, torch.tensor(vector).expand(6, 8, 2))
    found = search(reference, picture)
    assert (found[1:-1, 1:-1] == torch.tensor(vector)).float().mean() > 0.8
    error = (compensate(reference, found).float() - picture.float()).square().mean()
    assert error < 2
