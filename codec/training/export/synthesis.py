"""Making the file of a fast synthesis from the weights of a run that trained one."""

from __future__ import annotations

from pathlib import Path

import torch

from bitstream.errors import ModelFileError
from codec.files.output import Writing
from codec.model.file import read_model_info
from codec.model.synthesis import PREFIX, SynthesisInfo, write_synthesis_file
from codec.training.export.checkpoint import read_checkpoint, weights_of
from codec.training.start import path_of


def is_synthesis(source: Path) -> bool:
    """Whether the weights of a run's folder, or of a file, make a fast synthesis. Raises as `read_checkpoint`."""
    return "before" in read_checkpoint(weights_of(source)).metadata


def export_synthesis(source: Path, output: Path, *, name: str | None = None, overwrite: bool = False) -> SynthesisInfo:
    """Make the file of a fast synthesis, for the model that its training started from.

    Args:
        source: a run's folder, or its weights.
        name: of the synthesis; the stem of `output` if there is none.

    Raises FileAccessError, OutputExistsError, ModelFileError (weights of another kind, that fp16 does not hold, or
    that started from what is no model file).
    """
    Writing(overwrite).check(str(output), source)
    checkpoint = read_checkpoint(weights_of(source))
    before = checkpoint.metadata.get("before", "")
    if not before.isdecimal():
        raise ModelFileError(f"{source}: its weights are not those of a fast synthesis")
    model = read_model_info(path_of(checkpoint.metadata.get("start", "")))
    tensors = {n: t.to(torch.float16).numpy() for n, t in checkpoint.tensors.items() if n.startswith(PREFIX)}
    return write_synthesis_file(
        output, name or output.stem, model.id, checkpoint.config, int(before), tensors, overwrite=overwrite
    )
