"""In which order the frames of a group are coded, from which references, and at which quality.

Live, each frame is predicted from the one before (a chain). Otherwise groups of eight are coded in a hierarchy: the
eighth from the key frame, then the ones in the middle from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = 8
_LEVELS = {8: 0, 4: 1, 2: 2, 6: 2}  # of the hierarchy; odd frames are of level 3
_BELOW_KEY, _BELOW_LEVEL = 4.0, 2.5  # qualities


@dataclass(frozen=True)
class Step:
    """Frame `frame` of a group is predicted from frames `first` and `second`, which may be the same."""

    frame: int
    first: int
    second: int

    @property
    def references(self) -> tuple[int, ...]:
        """One or two."""
        return (self.first,) if self.first == self.second else (self.first, self.second)


CHAIN = tuple(Step(t, t - 1, t - 1) for t in range(1, GROUP + 1))
HIERARCHY = (
    Step(8, 0, 0), Step(4, 0, 8), Step(2, 0, 4), Step(6, 4, 8),
    Step(1, 0, 2), Step(3, 2, 4), Step(5, 4, 6), Step(7, 6, 8),
)  # fmt: skip


def quality_below_key(step: Step, order: tuple[Step, ...]) -> float:
    """How much lower a frame's quality is than its key frame's, of 0..63."""
    return _BELOW_KEY + (_BELOW_LEVEL * _LEVELS.get(step.frame, 3) if order is HIERARCHY else 0.0)
