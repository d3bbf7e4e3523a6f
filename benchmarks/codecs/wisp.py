"""Wisp itself, through its public Python interface."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from benchmarks.codecs.interface import AbsentError, ImageCodec, Pixels
from codec.notes import WispNote
from codec.work.memory import keep_freed_memory
from codec.work.threads import set_threads

if TYPE_CHECKING:
    from codec.api import Codec

REFINING = 5  # the lowest effort that takes minutes rather than seconds


def loaded_codec(threads: int, model: str | None = None, precision: str = "auto") -> Codec:
    """On the CPU, with the packaged model or the file `model`. Raises AbsentError where that is none."""
    import torch

    from bitstream.errors import WispError
    from codec.api import Codec

    torch.set_num_threads(threads)
    set_threads(threads)
    keep_freed_memory()
    try:
        codec = Codec(model, device="cpu", precision=precision)  # type: ignore[arg-type]
        codec.load(codec.model_info.id)
    except WispError as error:
        raise AbsentError(str(error), "name a model file that `wisp models` lists") from error
    return codec


def version_of(opened: Codec) -> str:
    """The package's, the model's id, and the arithmetic of its pixel path."""
    import codec

    return f"wisp {codec.__version__}, model {opened.model_info.id}, {opened.runtime.precision}"


class Wisp(ImageCodec):
    """The packaged model (or the file `model`) at one effort."""

    ending = "wisp"

    def __init__(self, effort: int, *, precision: str = "auto", model: str | None = None) -> None:
        self.id = f"wisp-e{effort}"
        self.title = f"Wisp, effort {effort}"
        self.qualities = (5, 20, 40, 60, 80, 95) if effort >= REFINING else (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
        self.options = {"effort": effort, "precision": precision, "model": model}
        self.slow = effort >= REFINING
        self._effort, self._precision, self._model = effort, precision, model
        self._codec: Codec | None = None

    def open(self, threads: int) -> None:
        """Load the model. Raises AbsentError where the model file is not one."""
        self._codec = loaded_codec(threads, self._model, self._precision)

    @property
    def _opened(self) -> Codec:
        if self._codec is None:
            raise RuntimeError("not opened")
        return self._codec

    @property
    def version(self) -> str:
        """The package's, the model's id, and the arithmetic of its pixel path."""
        return version_of(self._opened)

    def command(self, quality: float) -> str:
        """The command line."""
        model = "" if self._model is None else f" --model {self._model}"
        return f"wisp encode in.png -o out.wisp -q {quality:g} --effort {self._effort}{model}"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that `wisp encode` writes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WispNote)  # on what a quality cannot do: results say how good it is
            return self._opened.encode(pixels, quality, effort=self._effort)

    def encode_to_size(self, pixels: Pixels, size: int) -> bytes:
        """The file that `wisp encode --target-size` writes. Raises TargetError."""
        from codec.rate.target import Target

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WispNote)
            return self._opened.encode(pixels, target=Target("size", size), effort=self._effort)

    def decode(self, data: bytes) -> Pixels:
        """The pixels that `wisp decode` shows."""
        return self._opened.decode_array(data)
