"""Reading trained weights: float tensors and the network's configuration in a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from bitstream.errors import FileAccessError, ModelFileError
from codec.model.config import ModelConfig
from codec.training.run import Run

# Where the checkpoint keeps a gain, and where the model file does: beside the transform that applies it.
RENAMED = {"y_gain.table": "analysis.y_gain.table", "y_inv.table": "synthesis.y_inv.table"}


@dataclass(frozen=True)
class Checkpoint:
    """`tensors` by the model file's names, in the dtype they were saved in."""

    config: ModelConfig
    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]

    def pixel_path(self) -> dict[str, Tensor]:
        return {name: t for name, t in self.tensors.items() if not name.startswith("prior.")}

    def prior(self) -> dict[str, Tensor]:
        """The entropy path's float32 weights, names without their prefix."""
        found = {n.removeprefix("prior."): t.float() for n, t in self.tensors.items() if n.startswith("prior.")}
        if not found:
            raise ModelFileError("the checkpoint has no entropy path (no tensor named prior.*)")
        return found


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises FileAccessError, or ModelFileError for a file that is no checkpoint."""
    try:
        with path.open("rb"):
            pass
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {RENAMED.get(name, name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise FileAccessError(f"weights {path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ModelFileError(f"{path} is no file of weights: {error}") from error
    if "config" not in metadata:
        raise ModelFileError(f"{path} is no file of weights: its metadata has no configuration")
    return Checkpoint(ModelConfig.from_json(metadata["config"]), tensors, metadata)


def weights_of(source: Path) -> Path:
    """The best weights of a run's folder, or the file itself. Raises FileAccessError where a run has none yet."""
    return Run.open(source).best() if source.is_dir() else source
