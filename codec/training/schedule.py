"""How far a run has come, and what its learning rates are there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from codec.training.recipe import Recipe

_AFTER_HOLD = 300  # steps over which rates of what waited rise


@dataclass(frozen=True)
class Schedule:
    """Of one run: it ends after `steps`, or after `seconds` of training where that is above 0.

    A schedule driven by time ends when it should on any machine; one driven by steps can be repeated exactly.
    """

    recipe: Recipe
    steps: int
    seconds: float

    @classmethod
    def of(cls, recipe: Recipe, epoch: int) -> Schedule:
        """`epoch` is the number of steps that go once through the data. Raises RequestError for no or two lengths."""
        name, value = recipe.length
        if name == "minutes":
            return cls(recipe, 0, value * 60)
        return cls(recipe, max(1, round(value * epoch)) if name == "epochs" else int(value), 0.0)

    def share(self, step: int, spent: float) -> float:
        """0 at the start, 1 where the run ends, after `step` steps and `spent` seconds."""
        return min(1.0, spent / self.seconds if self.seconds else step / self.steps)

    def factor(self, step: int, share: float) -> float:
        """What every rate is multiplied by in step `step` (from 0)."""
        rising = min(1.0, (step + 1) / self.recipe.warmup) if self.recipe.warmup else 1.0
        return rising * self._falling(share)

    def _falling(self, share: float) -> float:
        flat = self.recipe.flat
        if self.recipe.decay == "constant" or share < flat:
            return 1.0
        left = max(0.0, (1 - share) / (1 - flat)) if flat < 1 else 1.0
        return left if self.recipe.decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)

    def held(self, step: int) -> float:
        """The same, in addition, for what waits for `hold` steps."""
        return min(1.0, max(0.0, (step - self.recipe.hold) / _AFTER_HOLD)) if self.recipe.hold else 1.0

    def lowest_quality(self, share: float) -> float:
        """The lowest quality that is trained at this point."""
        recipe = self.recipe
        if not recipe.widen:
            return recipe.lowest
        return max(recipe.lowest, recipe.begin_at - (recipe.begin_at - recipe.lowest) * min(1.0, share / recipe.widen))
