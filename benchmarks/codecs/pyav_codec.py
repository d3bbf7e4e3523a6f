"""What the codecs have in common that PyAV brings.

8 bits, 4:2:0, BT.601 in full range, which the stream says. The file is the bare stream: Annex B for H.264 and HEVC,
a low-overhead bitstream (OBU) for AV1, IVF for VP9 (32 bytes, and 12 a frame). With prediction a frame that decodes
alone comes every KEY_DISTANCE frames and where the encoder sees a cut; everything else is the preset's.
"""

from __future__ import annotations

import io
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.codecs.interface import INTRA, PREDICTED, AbsentError, VideoCodec
from benchmarks.raw import Layout, Plane, RawClip, write_planes

if TYPE_CHECKING:
    from av import VideoFrame
    from av.bitstream import BitStreamFilterContext
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream

KEY_DISTANCE = 250  # frames, ten seconds at 25 frames a second
# H.273's numbers of what a stream states: primaries of sRGB, its transfer function, the matrix of BT.601.
PRIMARIES, TRANSFER, MATRIX = 1, 13, 6
FULL_RANGE = 2  # FFmpeg's number


class PyAvCodec(VideoCodec):
    """The quality is the encoder's constant rate factor (CRF): more is worse."""

    family: ClassVar[str]  # how its ids begin
    called: ClassVar[str]  # how its titles begin
    before_preset: ClassVar[tuple[str, str]] = ("", "")  # in ids ("cpu"), in titles ("cpu-used ")
    encoder: ClassVar[str]
    decoder: ClassVar[str]
    container: ClassVar[str]  # FFmpeg's name of the bare stream
    filters: ClassVar[str | None] = None  # FFmpeg's bitstream filters of its packets
    sweep: ClassVar[tuple[float, ...]]  # of the CRF, with prediction
    intra_sweep: ClassVar[tuple[float, ...]]  # of all intra, which is worse at the same CRF in some encoders, or better
    least_side: ClassVar[int] = 2  # pixels
    remedy: ClassVar[str] = "pip install --force-reinstall av: its wheels have it"
    layout: Layout = "yuv420p"
    quality_name = "CRF"
    _threads = 0

    def __init__(self, preset: str, *, intra: bool, usual: bool = True, quick: bool = False) -> None:
        short, spoken = self.before_preset
        self.id = f"{self.family}-{short}{preset}{'-intra' if intra else ''}"
        prediction = INTRA if intra else PREDICTED
        self.title = f"{self.called} {spoken}{preset}, {prediction}"
        self.options = {"prediction": prediction, "keyint": 1 if intra else KEY_DISTANCE, **self.settings(preset)}
        self.qualities = self.intra_sweep if intra else self.sweep
        self.usual, self.quick = usual, quick
        self._preset, self._intra = preset, intra

    @abstractmethod
    def settings(self, preset: str) -> dict[str, str]:
        """FFmpeg's options of the encoder, without the quality and what only threads or messages depend on."""

    def quiet(self) -> dict[str, str]:
        """Options that replace `settings` of the same name where threads and messages are told, too."""
        return {}

    def parameters(self, quality: float) -> dict[str, str]:
        """All of FFmpeg's options of the encoder."""
        return {**self.settings(self._preset), **self.quiet(), "crf": f"{quality:g}"}

    def open(self, threads: int) -> None:
        """Import PyAV and look for encoder and decoder. Raises AbsentError."""
        try:
            from av.codec import Codec
            from av.codec.codec import UnknownCodecError
        except ImportError as error:
            raise AbsentError(f"PyAV does not import: {error}", "pip install av") from error
        name = self.encoder
        try:
            Codec(name, "w")
            name = self.decoder
            Codec(name, "r")
        except UnknownCodecError as error:
            raise AbsentError(f"this PyAV is built without {name}", self.remedy) from error
        self._threads = threads

    @property
    def version(self) -> str:
        """The encoder's where it tells, and those of PyAV and libavcodec."""
        import av

        libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
        return f"{self.encoder_version()}, PyAV {av.__version__}, libavcodec {libavcodec}"

    @abstractmethod
    def encoder_version(self) -> str:
        """Name and version of the encoder."""

    def command(self, quality: float) -> str:
        """FFmpeg's command line of raw video."""
        distance = 1 if self._intra else KEY_DISTANCE
        words = " ".join(f"-{name} {value}" for name, value in self.parameters(quality).items())
        stated = f"-colorspace {MATRIX} -color_primaries {PRIMARIES} -color_trc {TRANSFER} -color_range pc"
        filters = f" -bsf:v {self.filters}" if self.filters else ""
        return (
            f"ffmpeg -f rawvideo -pixel_format {self.layout} -video_size WxH -framerate RATE -i in.yuv -c:v "
            f"{self.encoder} -g {distance} {words} -threads {max(self._threads, 1)} {stated}{filters} "
            f"-f {self.container} out.{self.ending}  # in.yuv: BT.601, full range"
        )

    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        """See VideoCodec. Raises FFmpegError, and ValueError where a stream that is to be all intra is not."""
        with path.open("wb") as target:
            self.encode_planes(clip.planes(), quality, target, clip.rate)

    def encode_planes(
        self, frames: Iterable[list[Plane]], quality: float, target: BinaryIO, rate: Fraction = Fraction(25)
    ) -> None:
        """As `encode`, of the planes of one frame or more."""
        self._encode(frames, self.parameters(quality), target, rate, self.filters)

    def _encode(
        self,
        frames: Iterable[list[Plane]],
        parameters: dict[str, str],
        target: BinaryIO,
        rate: Fraction,
        filters: str | None,
    ) -> None:
        import av
        from av.bitstream import BitStreamFilterContext

        if not self._threads:
            raise RuntimeError("not opened")
        with av.open(target, "w", format=self.container) as output:
            for number, planes in enumerate(frames):
                if number == 0:
                    stream = self._stream(output, planes[0].shape, parameters, rate)
                    chain = BitStreamFilterContext(filters, stream) if filters else None
                self._put(output, stream.encode(self._frame(planes, number, rate)), chain)
            self._put(output, stream.encode(None), chain)

    def _stream(
        self, output: OutputContainer, shape: tuple[int, ...], parameters: dict[str, str], rate: Fraction
    ) -> VideoStream:
        height, width = shape
        if min(width, height) < self.least_side:
            raise ValueError(f"{self.encoder} codes nothing below {self.least_side} pixels a side")
        stream = cast("VideoStream", output.add_stream(self.encoder, rate=rate, options=parameters))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, self.layout
        context.time_base = 1 / rate
        context.gop_size = 1 if self._intra else KEY_DISTANCE
        context.color_range, context.colorspace = FULL_RANGE, MATRIX
        context.color_primaries, context.color_trc = PRIMARIES, TRANSFER
        context.thread_count = self._threads
        return stream

    def _frame(self, planes: list[Plane], number: int, rate: Fraction) -> VideoFrame:
        from av import VideoFrame

        height, width = planes[0].shape
        frame = VideoFrame(width, height, self.layout)
        frame.color_range, frame.colorspace = FULL_RANGE, MATRIX
        frame.pts, frame.time_base = number, 1 / rate
        for target, plane in zip(frame.planes, planes, strict=True):
            rows = np.zeros((target.height, target.line_size), np.uint8)  # FFmpeg aligns its rows
            rows[: plane.shape[0], : plane.shape[1]] = plane
            target.update(rows.tobytes())
        return frame

    def _put(
        self, output: OutputContainer, packets: list[Packet[VideoStream]], chain: BitStreamFilterContext | None
    ) -> None:
        for packet in packets:
            if self._intra and not packet.is_keyframe:
                raise ValueError(f"{self.encoder} predicted a frame that was to be intra")
            output.mux(packet if chain is None else chain.filter(packet))

    def decode(self, path: Path, raw: BinaryIO) -> None:
        """See VideoCodec. Raises FFmpegError, or ValueError for a frame that is damaged or of another layout."""
        with path.open("rb") as source:
            for planes in self.decode_planes(source):
                write_planes(raw, planes)

    def decode_planes(self, source: BinaryIO) -> Iterator[list[Plane]]:
        """As `decode`, the planes of each frame."""
        import av

        if not self._threads:
            raise RuntimeError("not opened")
        with av.open(source, "r", format=self.container) as opened:
            stream = opened.streams.video[0]
            if stream.codec_context.name != self.decoder:
                raise RuntimeError(f"{self.container} is decoded by {stream.codec_context.name}, not {self.decoder}")
            stream.codec_context.thread_count = self._threads
            stream.codec_context.options = {"err_detect": "explode"}  # instead of inventing what is damaged
            for frame in opened.decode(stream):
                if frame.is_corrupt or frame.format.name.replace("yuvj", "yuv") != self.layout:  # its older name
                    raise ValueError(f"{self.decoder} gave a damaged frame or {frame.format.name}")
                yield [_samples(plane) for plane in frame.planes]

    def told_in_stream(self, pattern: bytes, parameters: dict[str, str]) -> str:
        """What the encoder writes of its version into a stream of one frame."""
        clip = RawClip(Path(), self.layout, 64, 64, 1, Fraction(25))
        planes, stream = [np.zeros(shape, np.uint8) for shape in clip.shapes], io.BytesIO()
        self._encode([planes], {**self.settings(self._preset), **parameters}, stream, clip.rate, None)
        found = re.search(pattern, stream.getvalue())
        return found[1].decode() if found else "of an unknown version"


def _samples(plane: VideoPlane) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def library_version(name: str) -> str:
    """PyAV does not tell, but the libraries of its wheels have it in their names: libSvtAv1Enc-9393c086.so.4.1.0."""
    import av

    for library in Path(av.__file__).parent.parent.glob(f"av.libs/{name}-*"):
        _, _, number = library.name.partition(".so.")
        return number
    return "of an unknown version"
