"""The known answer: extreme inputs run through the whole entropy path, and a hash of the integers that come out.

A model file carries the hash. Where a device and dtype do not reproduce it, that combination is not used.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from codec.exact.arithmetic import exact_arithmetic
from codec.exact.prior import ExactPrior
from codec.exact.tensors import QUALITY_ROWS, STEPS
from codec.model.config import ModelConfig

HEIGHT, WIDTH = 8, 12  # of the latent
EXTREMES = np.array([-2047, -511, -128, -17, -8, -1, 0, 1, 8, 16, 129, 511, 1153, 2047])
_ROWS = (0, QUALITY_ROWS - 1)


def generated(count: int) -> NDArray[np.int64]:
    """The first `count` numbers of the generator of FORMAT.md, 0..2**31 - 1."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # modulo 2**64
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(33)).astype(np.int64)


def known_answer_inputs(config: ModelConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """-> z (2, cz, 2, 3) in -40..40 and 16 * y_hat (2, cy, 8, 12), from the generator of FORMAT.md."""
    count_z = 2 * config.cz * HEIGHT * WIDTH // 16
    count = count_z + 2 * config.cy * HEIGHT * WIDTH
    values = generated(count)
    z = (values[:count_z] % 81 - 40).reshape(2, config.cz, HEIGHT // 4, WIDTH // 4)
    y16 = EXTREMES[values[count_z:] % len(EXTREMES)].reshape(2, config.cy, HEIGHT, WIDTH)
    return z, y16


def known_answer(prior: ExactPrior) -> bytes:
    """SHA-256 (32 bytes) over what `prior` makes of the inputs, as <i4 in (tile, channel, row, column) order."""
    z, y16 = known_answer_inputs(prior.config)
    digest = hashlib.sha256()
    with exact_arithmetic(prior.device):
        features = prior.hyper(prior.tensor(z), list(_ROWS))
        latent = prior.tensor(y16)
        outputs = [features]
        for k in range(STEPS):
            outputs += prior.step(k, features, latent)
        for output in outputs:
            digest.update(output.cpu().contiguous().numpy().astype("<i4").tobytes())
    return digest.digest()
