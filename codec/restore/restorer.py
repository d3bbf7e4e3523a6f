"""What restores pictures and videos, made as it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bitstream.sequence.audio import AudioPacket
from codec.model.loaded import Runtime
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.restore.colorizer import Colorizer
from codec.restore.denoise import Denoiser
from codec.restore.loaded import load_network
from codec.restore.settings import Denoising, Restoration
from codec.work.progress import Progress


class Restorer(Protocol):
    """Restores pictures and videos."""

    def still(self, picture: Picture, progress: Progress) -> Picture:
        """One picture, its size, alpha and metadata as they were."""

    def clip(self, items: Iterator[Frame | AudioPacket]) -> Iterator[Frame | AudioPacket]:
        """The frames of a video, one by one in their order; sound passes through."""


def open_restorer(wanted: Restoration, runtime: Runtime) -> Restorer:
    """Raises ModelNotFoundError, FileAccessError, ModelFileError."""
    network = load_network(wanted.kind, wanted.model, runtime)
    return Denoiser(network, wanted.sigma) if isinstance(wanted, Denoising) else Colorizer(network)
