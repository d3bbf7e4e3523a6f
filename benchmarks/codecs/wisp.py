"""Wisp itself, through its public Python interface."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from benchmarks.codecs.interface import INTRA, AbsentError, BaseCodec, ImageCodec, VideoCodec
from benchmarks.raw import Pixels, RawClip, write_planes
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


class _Loaded(BaseCodec):
    """What both have in common. `model` is a model file, None for the packaged one."""

    ending = "wisp"
    _codec: Codec | None = None
    _model: str | None = None
    _precision = "auto"

    def open(self, threads: int) -> None:
        """Load the model. Raises AbsentError where it cannot be."""
        self._codec = loaded_codec(threads, self._model, self._precision)

    @property
    def _opened(self) -> Codec:
        if self._codec is None:
            raise RuntimeError("not opened")
        return self._codec

    @property
    def version(self) -> str:
        """The package's, the model's id, and the arithmetic of its pixel path."""
        import codec

        opened = self._opened
        return f"wisp {codec.__version__}, model {opened.model_info.id}, {opened.runtime.precision}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without notes on what a quality cannot do: results say how good it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)
        yield


class Wisp(_Loaded, ImageCodec):
    """The packaged model (or the file `model`) at one effort."""

    step = 0.1

    def __init__(self, effort: int, *, precision: str = "auto", model: str | None = None) -> None:
        self.id = f"wisp-e{effort}"
        self.title = f"Wisp, effort {effort}"
        self.qualities = (5, 20, 40, 60, 80, 95) if effort >= REFINING else (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
        self.options = {"effort": effort, "precision": precision, "model": model}
        self.slow = effort >= REFINING
        self._effort, self._precision, self._model = effort, precision, model

    def command(self, quality: float) -> str:
        """The command line."""
        model = "" if self._model is None else f" --model {self._model}"
        return f"wisp encode in.png -o out.wisp -q {quality:g} --effort {self._effort}{model}"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The file that `wisp encode` writes."""
        with _quiet():
            return self._opened.encode(pixels, quality, effort=self._effort)

    def decode(self, data: bytes) -> Pixels:
        """The pixels that `wisp decode` shows."""
        return self._opened.decode_array(data)


class WispVideo(_Loaded, VideoCodec):
    """The packaged model, every frame intra; a frame that equals the one before it is stored as its repetition."""

    id = "wisp"
    title = f"Wisp, {INTRA}"
    ending = "wisp"
    qualities = (0, 20, 40, 60, 80, 100)
    options = {"prediction": INTRA}  # noqa: RUF012

    def command(self, quality: float) -> str:
        """The command line."""
        return f"wisp encode - --format rgb24 --size WxH --rate RATE -q {quality:g} -o out.wisp < in.rgb"

    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        """See VideoCodec."""
        from codec.sequence.writer import VideoWriter

        size = (clip.width, clip.height)
        with _quiet(), VideoWriter(path, size, clip.rate, quality=quality, codec=self._opened) as writer:
            for pixels in clip.pixels():
                writer.write(pixels)

    def decode(self, path: Path, raw: BinaryIO) -> None:
        """See VideoCodec."""
        from codec.sequence.video import open_video

        with open_video(path, codec=self._opened) as frames:
            for frame in frames:
                write_planes(raw, [frame.pixels])
