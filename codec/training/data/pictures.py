"""The pictures of a run: batches to train on, and crops that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from codec.training.data.batches import Batches, open_batches, split, validation_crops
from codec.training.data.draws import Augmentation
from codec.training.data.sources import find_pictures
from codec.training.distributed import Processes
from codec.training.recipe import Recipe

Crops: TypeAlias = "NDArray[np.uint8]"  # (N, S, S, 3)


def open_pictures(recipe: Recipe, sources: Sequence[Path], processes: Processes) -> tuple[Batches, Crops]:
    """-> batches, and validation crops (N, S, S, 3) uint8. Raises FileAccessError where there are no pictures."""
    training, held_out = split(find_pictures(sources), recipe.validation)
    batches = open_batches(
        training,
        batch=recipe.batch,
        size=recipe.crop,
        seed=recipe.seed,
        device=processes.device,
        augment=Augmentation(flip=recipe.flip, transpose=recipe.transpose),
        memory_limit=int(recipe.memory * 2**30) // processes.world,
        workers=recipe.workers,
        rank=processes.rank,
        world=processes.world,
    )
    return batches, validation_crops(held_out, recipe.crop)
