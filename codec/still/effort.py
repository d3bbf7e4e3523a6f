"""How hard the encoder tries, 1..9; without torch.

1 to 4 use the networks as they are and differ in lossless coding only; from 5 on the latents of each picture
are refined (codec/refine) for so many steps of gradient descent.
"""

from __future__ import annotations

from codec.work.progress import Progress

LOWEST, DEFAULT_EFFORT, HIGHEST = 1, 4, 9
FIRST_REFINED = 5
STEP_COST = 4  # of one step of refinement, in passes of analysis or coding over the same latents
_REFINEMENT_STEPS = {5: 10, 6: 24, 7: 50, 8: 80, 9: 120}


def check_effort(effort: int) -> None:
    """Raise ValueError where `effort` is no whole number within 1..9."""
    if isinstance(effort, bool) or not isinstance(effort, int) or not LOWEST <= effort <= HIGHEST:
        raise ValueError(f"effort {effort!r} is not a whole number within {LOWEST}..{HIGHEST}")


def refinement_steps(effort: int) -> int:
    """Steps of gradient descent on each tile's latents at most, 0 below FIRST_REFINED."""
    return _REFINEMENT_STEPS.get(effort, 0)


def coding_passes(effort: int) -> int:
    """What is done with a tile after its analysis, in passes over its latents."""
    steps = refinement_steps(effort)
    return 2 + STEP_COST * steps if steps else 1


def begin_coding(progress: Progress, latents: int, effort: int) -> None:
    """Tell `progress` how much there is to do: latents analysed, coded, and refined step by step."""
    progress.begin(latents * (1 + coding_passes(effort)))
