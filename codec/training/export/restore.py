"""Making the file of a denoiser or colouriser from the weights of a run that trained one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bitstream.errors import ModelFileError
from codec.files.output import Writing
from codec.model.container import read_metadata, read_tensors
from codec.restore.config import RestoreConfig
from codec.restore.file import RestoreFile, write_restore_file
from codec.training.export.checkpoint import weights_of


def is_restore(source: Path) -> bool:
    """Whether the weights of a run's folder, or of a file, are those of a denoiser or colouriser."""
    try:
        RestoreConfig.from_json(read_metadata(weights_of(source)).get("config", ""))
    except ModelFileError:
        return False
    return True


def export_restore(source: Path, output: Path, *, name: str | None = None, overwrite: bool = False) -> RestoreFile:
    """Make the file of a denoiser or colouriser.

    Args:
        source: a run's folder, or its weights.
        name: of the network; the stem of `output` if there is none.

    Raises FileAccessError, OutputExistsError, ModelFileError (weights of another kind, or that fp16 does not hold).
    """
    Writing(overwrite).check(str(output), source)
    weights = weights_of(source)
    config = RestoreConfig.from_json(read_metadata(weights).get("config", ""))
    with np.errstate(over="ignore"):  # what fp16 does not hold is refused as not finite
        tensors = {tensor: values.astype(np.float16) for tensor, values in read_tensors(weights).items()}
    return write_restore_file(output, name or output.stem, config, tensors, overwrite=overwrite)
