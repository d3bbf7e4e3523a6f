"""The pretrained models of CompressAI (Begaint et al., arXiv 2011.03029), with real bytes by their own entropy coder.

Only checkpoints that are on the machine already are used: in a folder that is named (NAME-QUALITY*.pth or .pth.tar),
or where torch.hub keeps the ones that CompressAI downloads. Nothing is downloaded, and no model runs untrained.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.raw import Pixels
from codec.training.compressai_package import (
    QUALITIES,
    CompressAiAbsentError,
    first_line,
    from_state,
    import_compressai,
)

TITLES = {
    "bmshj2018-hyperprior": "Balle et al. 2018, hyperprior (CompressAI)",
    "mbt2018-mean": "Minnen et al. 2018, mean and scale (CompressAI)",
    "mbt2018": "Minnen et al. 2018, autoregressive (CompressAI)",
    "cheng2020-anchor": "Cheng et al. 2020, anchor (CompressAI)",
}
STRIDE = 64  # pixels a side of one sample of the hyper-latent
HEADER = struct.Struct(">BHHI")  # quality, width, height in pixels, bytes of the first string; the second is the rest


class CompressAiModel(ImageCodec):
    """One architecture, optimised for MSE, over those of its qualities whose checkpoints are here.

    `weights` is a folder of checkpoints; None takes the cache of torch.hub. The encoder is deterministic on one
    machine; between machines its floating-point entropy model may differ, as published models do.
    """

    ending = "cai"

    def __init__(self, name: str, weights: Path | None = None) -> None:
        self.id = f"compressai-{name}"
        self.title = TITLES[name]
        self.options = {"model": name}
        self._name, self._weights = name, weights
        every = tuple(range(1, QUALITIES[name] + 1))
        self._checkpoints = {quality: path for quality in every if (path := self._checkpoint(quality)) is not None}
        self.qualities = tuple(self._checkpoints) or every
        self._models: dict[int, Any] = {}
        self._version = ""

    @property
    def _folder(self) -> Path:
        return self._weights if self._weights is not None else hub_folder()

    def _checkpoint(self, quality: int) -> Path | None:
        """The file of a quality; of several the first by name."""
        wanted = re.compile(rf"{re.escape(self._name)}-{quality}(\D.*)?\.pth(\.tar)?")
        folder = self._folder
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return next((folder / name for name in names if wanted.fullmatch(name)), None)

    def open(self, threads: int) -> None:
        """Import CompressAI and hash the checkpoints. Raises AbsentError for whatever is missing."""
        if not self._checkpoints:
            raise AbsentError(
                f"no checkpoint of {self._name} in {self._folder}",
                f"put {self._name}-QUALITY*.pth.tar of CompressAI's model zoo there, or in --compressai-weights DIR",
            )
        try:
            compressai = import_compressai()
        except CompressAiAbsentError as error:
            raise AbsentError(error.reason, error.remedy) from error
        import torch

        torch.set_num_threads(threads)
        hashed = hashlib.sha256()
        for path in self._checkpoints.values():
            hashed.update(path.read_bytes())
        digest = hashed.hexdigest()[:8]
        self._version = f"CompressAI {compressai.__version__}, torch {torch.__version__}, checkpoints {digest}"

    @property
    def version(self) -> str:
        """CompressAI's, torch's, and the start of the SHA-256 of all checkpoints, one after another."""
        if not self._version:
            raise RuntimeError("not opened")
        return self._version

    def command(self, quality: float) -> str:
        """CompressAI's call."""
        architecture = self._name.replace("-", "_")
        return f"compressai.zoo.{architecture}(quality={quality:g}, metric='mse', pretrained=True).compress(padded)"

    def _model(self, quality: int) -> Any:
        """The network of a quality, loaded once: all of them together are 0.2 to 0.8 GB."""
        if not self._version:
            raise RuntimeError("not opened")
        if quality not in self._models:
            if quality not in self._checkpoints:
                raise ValueError(f"no checkpoint of {self._name}, quality {quality}")
            self._models[quality] = load_model(self._name, self._checkpoints[quality])
        return self._models[quality]

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """HEADER and the model's two strings; the picture is padded to multiples of 64 by its edge.

        Raises ValueError for a quality without a checkpoint and a side above 65535.
        """
        import torch

        if quality != int(quality):
            raise ValueError(f"the qualities of {self._name} are whole numbers")
        height, width = pixels.shape[:2]
        if max(height, width) >= 2**16:
            raise ValueError("no side above 65,535 pixels")
        model = self._model(int(quality))
        padded = np.pad(pixels, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), mode="edge")
        with torch.inference_mode():
            coded = model.compress(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)
        first, second = (strings[0] for strings in coded["strings"])
        return HEADER.pack(int(quality), width, height, len(first)) + first + second

    def decode(self, data: bytes) -> Pixels:
        """What the model named in the header shows. Raises ValueError for a file that is not one."""
        import torch

        if len(data) < HEADER.size:
            raise ValueError("the file ends in its header")
        quality, width, height, length = HEADER.unpack_from(data)
        strings = data[HEADER.size :]
        if not width or not height or length > len(strings):
            raise ValueError("not a file of this codec")
        shape = (-(-height // STRIDE), -(-width // STRIDE))
        with torch.inference_mode():
            shown = self._model(quality).decompress([[strings[:length]], [strings[length:]]], shape)["x_hat"]
        levels = shown[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to(torch.uint8)
        return levels.numpy()[:height, :width]


def hub_folder() -> Path:
    """Where torch.hub keeps checkpoints, by torch's own rule, which is told without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    folder = Path(os.environ.get("TORCH_HOME", Path(cache, "torch"))) / "hub" / "checkpoints"
    try:
        return folder.expanduser()
    except RuntimeError:  # a user without a home, as in containers: there is no such folder then
        return folder


def load_model(name: str, checkpoint: Path) -> Any:
    """The network that a checkpoint holds, ready to code.

    Raises ValueError for a file that is not a checkpoint of the architecture.
    """
    import torch

    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return from_state(name, state)
    except Exception as error:  # pickle, zip, missing and misshapen entries: each fails with an error of its own
        raise ValueError(f"{checkpoint.name} is no checkpoint of {name}: {first_line(error)}") from error
