"""VVC intra by the programs of two encoders, where they are on the PATH: Fraunhofer's vvenc, and the reference, VTM.

Both read and write raw planes of 10 bits, the depth that VVC's profiles are made for (colours:
`benchmarks.ycbcr`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from abc import abstractmethod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.codecs.programs import find_program, run_program, version_of
from benchmarks.raw import Pixels
from benchmarks.ycbcr import to_pixels, to_planes

BITS = 10
SIZE = struct.Struct(">HH")  # width and height in pixels
CONFIG_VARIABLE = "VTM_INTRA_CFG"


class Vvc(ImageCodec):
    """The quality is the quantisation parameter (QP), 0..63, whole numbers: more is worse.

    A file is the picture's width and height (16 bits each, big-endian) and the stream. 4:2:0 has no odd sizes in VVC:
    there the last row and column are replicated, and cut off again by these four bytes.
    """

    ending = "266"
    qualities = (52, 47, 43, 39, 35, 31, 27, 23, 19)
    encoders: ClassVar[tuple[str, ...]]
    decoders: ClassVar[tuple[str, ...]]
    remedy: ClassVar[str]
    subsampled: ClassVar[bool]

    def __init__(self) -> None:
        self._programs: tuple[str, str] | None = None
        self._threads = 1

    def open(self, threads: int) -> None:
        """Find encoder and decoder. Raises AbsentError."""
        self._programs = (find_program(self.encoders, self.remedy), find_program(self.decoders, self.remedy))
        self._threads = threads

    @property
    def _opened(self) -> tuple[str, str]:
        if self._programs is None:
            raise RuntimeError("not opened")
        return self._programs

    @property
    def version(self) -> str:
        """What both programs say of it."""
        told = (version_of(program, "--version", "version") for program in self._opened)
        return "; ".join(
            line or f"{Path(program).name} of an unknown version"
            for line, program in zip(told, self._opened, strict=True)
        )

    @abstractmethod
    def encoding(self, size: tuple[str, str], quality: float, source: str, target: str) -> list[str]:
        """Arguments of the encoder; `size` is width and height in words."""

    @abstractmethod
    def decoding(self, source: str, target: str) -> list[str]:
        """Arguments of the decoder."""

    def command(self, quality: float) -> str:
        """The encoder's command line of a raw picture."""
        arguments = self.encoding(("WIDTH", "HEIGHT"), quality, "in.yuv", "out.266")
        return f"{self.encoders[0]} {' '.join(arguments)}  # in.yuv: BT.601, full range, 10 bits"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """Size and stream. Raises RuntimeError where the encoder fails, ValueError for a side above 65535."""
        height, width = pixels.shape[:2]
        if max(height, width) >= 2**16:
            raise ValueError("no side above 65,535 pixels")
        even = self._padded(pixels)
        planes = to_planes(even, bits=BITS, subsampled=self.subsampled)
        size = str(even.shape[1]), str(even.shape[0])
        with TemporaryDirectory(prefix="wisp-vvc-") as folder:
            source, target = Path(folder, "in.yuv"), Path(folder, "out.266")
            source.write_bytes(b"".join(plane.tobytes() for plane in planes))
            run_program([self._opened[0], *self.encoding(size, quality, str(source), str(target))])
            return SIZE.pack(width, height) + _read(target, self._opened[0])

    def _padded(self, pixels: Pixels) -> Pixels:
        if not self.subsampled:
            return pixels
        height, width = pixels.shape[:2]
        return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")

    def decode(self, data: bytes) -> Pixels:
        """The decoder's picture. Raises RuntimeError where it fails, ValueError for another size than was stated."""
        if len(data) <= SIZE.size:
            raise ValueError("the file ends before its stream")
        width, height = SIZE.unpack_from(data)
        with TemporaryDirectory(prefix="wisp-vvc-") as folder:
            source, target = Path(folder, "in.266"), Path(folder, "out.yuv")
            source.write_bytes(data[SIZE.size :])
            run_program([self._opened[1], *self.decoding(str(source), str(target))])
            raw = _read(target, self._opened[1])
        shapes = self._shapes(width, height)
        samples = np.frombuffer(raw[: len(raw) & ~1], "<u2")
        if len(raw) != 2 * sum(rows * columns for rows, columns in shapes):
            raise ValueError(f"the decoder wrote {len(raw):,} bytes, not a picture of {width} x {height}")
        ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
        planes = [part.reshape(shape) for part, shape in zip(np.split(samples, ends), shapes, strict=True)]
        return to_pixels(planes, bits=BITS)[:height, :width]

    def _shapes(self, width: int, height: int) -> list[tuple[int, int]]:
        if not self.subsampled:
            return [(height, width)] * 3
        half = (height + 1) // 2, (width + 1) // 2
        return [(2 * half[0], 2 * half[1]), half, half]


def _read(path: Path, program: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise RuntimeError(f"{Path(program).name}: wrote nothing") from error


class VvencIntra(Vvc):
    """vvenc in 4:2:0, its only chroma format with three planes, preset medium, without perceptual QP adaptation."""

    id = "vvc-intra"
    title = "VVC intra by vvenc, 4:2:0"
    encoders = ("vvencapp",)
    decoders = ("vvdecapp",)
    remedy = "build github.com/fraunhoferhhi/vvenc and vvdec and have vvencapp and vvdecapp on the PATH"
    subsampled = True

    def __init__(self) -> None:
        super().__init__()
        self.options = {"preset": "medium", "qpa": 0}

    def encoding(self, size: tuple[str, str], quality: float, source: str, target: str) -> list[str]:
        """vvencapp's."""
        picture = ["--input", source, "--size", "x".join(size), "--format", "yuv420_10", "--framerate", "25"]
        settings = ["--frames", "1", "--preset", "medium", "--qpa", "0", "--qp", str(round(quality))]
        return [*picture, *settings, "--threads", str(self._threads), "--verbosity", "1", "--output", target]

    def decoding(self, source: str, target: str) -> list[str]:
        """vvdecapp's."""
        return ["--bitstream", source, "--output", target, "--threads", str(self._threads), "--verbosity", "1"]


class VtmIntra(Vvc):
    """The reference encoder in 4:4:4, by its own encoder_intra_vtm.cfg: minutes a picture. It has one thread."""

    id = "vtm-intra"
    title = "VVC intra by VTM, 4:4:4"
    slow = True
    encoders = ("EncoderAppStatic", "EncoderApp")
    decoders = ("DecoderAppStatic", "DecoderApp")
    remedy = (
        "build VTM (vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM), have its EncoderApp and DecoderApp on the PATH "
        f"and {CONFIG_VARIABLE} name its encoder_intra_vtm.cfg"
    )
    subsampled = False

    def __init__(self) -> None:
        super().__init__()
        self.options = {"chroma": "4:4:4", "bits": BITS}
        self._config = Path("encoder_intra_vtm.cfg")

    def open(self, threads: int) -> None:
        """Also look for the configuration. Raises AbsentError."""
        super().open(threads)
        config = Path(os.environ.get(CONFIG_VARIABLE, ""))
        if not config.is_file():
            raise AbsentError(f"the variable {CONFIG_VARIABLE} names no file", self.remedy)
        self._config = config

    @property
    def version(self) -> str:
        """Also of the configuration: the start of its SHA-256."""
        digest = hashlib.sha256(self._config.read_bytes()).hexdigest()[:8]
        return f"{super().version}; configuration {digest}"

    def encoding(self, size: tuple[str, str], quality: float, source: str, target: str) -> list[str]:
        """EncoderApp's; its conformance window takes any size."""
        width, height = size
        picture = [f"--InputFile={source}", f"--SourceWidth={width}", f"--SourceHeight={height}"]
        layout = [f"--InputBitDepth={BITS}", f"--InternalBitDepth={BITS}", "--InputChromaFormat=444"]
        frames = ["--FrameRate=25", "--FramesToBeEncoded=1", "--ConformanceWindowMode=1", "--SEIDecodedPictureHash=0"]
        outcome = [f"--QP={round(quality)}", f"--BitstreamFile={target}", "--ReconFile="]
        return ["-c", str(self._config), *picture, *layout, *frames, *outcome]

    def decoding(self, source: str, target: str) -> list[str]:
        """DecoderApp's."""
        return [f"--BitstreamFile={source}", f"--ReconFile={target}", f"--OutputBitDepth={BITS}"]
