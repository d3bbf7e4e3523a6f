"""Estimating the noise of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.pixels.picture import Picture
from codec.restore.denoise import estimated
from codec.restore.noise import noise_sigma
from tests.support.scenes import photo


def noisy(clean: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """As 8-bit pictures keep it."""
    noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("sigma", [5, 10, 25, 50])
def test_within_15_percent_on_a_photograph(mode: str, sigma: float) -> None:
    found = noise_sigma(noisy(photo(384, 384, mode), sigma))
    assert found == pytest.approx(sigma, rel=0.15)


def test_clipped_noise_counts_as_what_it_was() -> None:
    ramp = np.linspace(0, 255, 300).round().astype(np.uint8)
    clean = np.broadcast_to(ramp[:, None, None], (300, 300, 3))
    assert noise_sigma(noisy(clean, 30)) == pytest.approx(30, rel=0.15)


def test_pictures_that_tell_nothing_have_no_noise() -> None:
    assert noise_sigma(np.full((64, 64, 3), 255, np.uint8)) == 0
    assert noise_sigma(np.full((64, 64, 3), 100, np.uint8)) == 0
    assert noise_sigma(np.zeros((3, 200, 1), np.uint8)) == 0


def test_what_is_transparent_does_not_count() -> None:
    pixels = np.dstack([noisy(photo(200, 200), 20), np.full((200, 200), 255, np.uint8)])
    pixels[:, :100] = (128, 128, 128, 0)
    assert estimated(Picture(pixels)) == pytest.approx(20, rel=0.15)
