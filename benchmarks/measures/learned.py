"""LPIPS with AlexNet, by the package lpips and a file of AlexNet's weights that is at hand: nothing is downloaded."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.padding import at_least
from benchmarks.raw import Pixels

if TYPE_CHECKING:
    import torch

WEIGHTS = "alexnet-owt-7be5be79.pth"
WEIGHTS_REMEDY = f"name the file of https://download.pytorch.org/models/{WEIGHTS} with --lpips-weights"
TORCHVISION_REMEDY = "pip install torch and torchvision from one index, as https://pytorch.org/get-started tells"
LEAST_SIDE = 31  # that AlexNet's strides and pools leave a pixel of


def open_lpips(weights: Path | None) -> tuple[str, Callable[[Pixels, Pixels], float]]:
    """Version and function. Raises AbsentError where the weights, the package or what it imports are missing."""
    if weights is None:
        raise AbsentError("AlexNet's weights are not at hand", WEIGHTS_REMEDY)
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise AbsentError(f"{weights}: {error.strerror}", WEIGHTS_REMEDY) from error
    model = _load(_untrained(), data, weights)
    told = f"lpips {version('lpips')}, AlexNet weights {hashlib.sha256(data).hexdigest()[:8]}"
    return told, lambda reference, shown: lpips_distance(model, reference, shown)


def lpips_distance(model: torch.nn.Module, reference: Pixels, shown: Pixels) -> float:
    """LPIPS 0.1 (Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018)
    of two pictures (H, W, 3) uint8, 0 where they are equal. A side below LEAST_SIDE is replicated up to it."""
    import torch

    pictures = (at_least(pixels, LEAST_SIDE).transpose(2, 0, 1).astype(np.float32) for pixels in (reference, shown))
    with torch.no_grad():
        return float(model(*(torch.from_numpy(pixels / 127.5 - 1)[None] for pixels in pictures)))


def _untrained() -> torch.nn.Module:
    """The package's model: its linear layers as they were trained, AlexNet yet without weights."""
    try:
        import lpips
    except ImportError as error:
        raise AbsentError(f"the package {error.name} is not installed", "pip install lpips") from error
    except (RuntimeError, AttributeError, OSError) as error:
        what = next(iter(str(error).splitlines()), type(error).__name__)
        raise AbsentError(f"torchvision does not fit torch {version('torch')}: {what}", TORCHVISION_REMEDY) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision, about names of arguments that lpips uses
        return lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)


def _load(model: torch.nn.Module, data: bytes, weights: Path) -> torch.nn.Module:
    """Fill AlexNet from torchvision's state dict: "slice2.3.bias" of the package is "features.3.bias" there."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are refused below
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        net = model.get_submodule("net")
        net.load_state_dict({name: state[f"features.{name.split('.', 1)[1]}"] for name in net.state_dict()})
    except Exception as error:  # of damaged files torch.load raises whatever its readers do
        raise AbsentError(f"{weights} is no state dict of torchvision's AlexNet", WEIGHTS_REMEDY) from error
    return model.eval()
