"""A run of one of CompressAI's networks as a checkpoint in CompressAI's own layout."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from codec.files.output import Output, Writing
from codec.training.run import Run

PREFIX = "compressai:"  # of the tasks in recipes


def is_compressai(run: Run) -> bool:
    """Whether a run trained one of CompressAI's networks."""
    return run.recipe().task.startswith(PREFIX)


def export_checkpoint(run: Run, output: Path, *, overwrite: bool = False) -> None:
    """Write the best weights as `{"state_dict": ...}`, which CompressAI's tools and the benchmark read.

    Raises OutputExistsError or FileAccessError.
    """
    tensors = load_file(run.best())
    with Output(str(output), Writing(overwrite)) as file:
        torch.save({"state_dict": tensors}, file)  # type: ignore[arg-type]  # it has what is needed
