"""The network of a denoiser or colouriser in memory, ready to run on one device."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from codec.model.container import read_metadata
from codec.model.loaded import DTYPES, Runtime
from codec.network.transforms import set_precision
from codec.restore.config import Kind
from codec.restore.file import find_restore_file, read_restore_file
from codec.restore.network import RestoreNetwork
from codec.work.forks import before_networks


def load_network(kind: Kind, named: Path | None, runtime: Runtime) -> RestoreNetwork:
    """That of the file `named`, else of the first that is found; remembered until another file lies there.

    Raises ModelNotFoundError, FileAccessError, ModelFileError.
    """
    path = named or find_restore_file(kind)
    network = _remembered(kind, path, read_metadata(path).get("id"), runtime)
    before_networks()
    return network


@lru_cache(maxsize=4)
def _remembered(kind: Kind, path: Path, _: str | None, runtime: Runtime) -> RestoreNetwork:
    file = read_restore_file(path, kind)
    network = RestoreNetwork(file.config)
    with torch.inference_mode(False):
        state = {name: torch.from_numpy(tensor.astype(np.float32)) for name, tensor in file.tensors.items()}
        network.load_state_dict(state, assign=True)
    network.requires_grad_(False)
    network.to(runtime.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    set_precision(network, DTYPES[runtime.precision])
    return network
