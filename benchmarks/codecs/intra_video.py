"""One still picture by a video encoder, through PyAV: HEVC by x265, AV1 by SVT-AV1.

The file is the bare stream with nothing around it. Both formats state any size, odd ones too (HEVC crops what x265
padded); colours are those of `benchmarks.codecs.ycbcr`, and the stream says so.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.codecs.interface import AbsentError, ImageCodec, Pixels
from benchmarks.codecs.ycbcr import to_pixels, to_planes

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.plane import VideoPlane

REMEDY = "pip install --force-reinstall av: its wheels have it"
# H.273's numbers of what the stream states: primaries of sRGB, its transfer function, the matrix of BT.601.
PRIMARIES, TRANSFER, MATRIX = 1, 13, 6
FULL_RANGE = 2  # FFmpeg's number


class IntraVideo(ImageCodec):
    """The quality is the constant rate factor (CRF), which for one picture is a quantiser: more is worse."""

    encoder: ClassVar[str]
    decoder: ClassVar[str]
    layout: ClassVar[str]  # FFmpeg's pixel format
    least_side: ClassVar[int]  # pixels; the encoder refuses smaller pictures
    _threads = 0

    def open(self, threads: int) -> None:
        """Import PyAV and look for encoder and decoder. Raises AbsentError."""
        try:
            from av.codec import Codec
            from av.codec.codec import UnknownCodecError
        except ImportError as error:
            raise AbsentError(f"PyAV does not import: {error}", "pip install av") from error
        try:
            Codec(self.encoder, "w")
            Codec(self.decoder, "r")
        except UnknownCodecError as error:
            raise AbsentError(f"this PyAV is built without {self.encoder} or {self.decoder}", REMEDY) from error
        self._threads = threads

    @property
    def version(self) -> str:
        """The encoder's where it tells, and those of PyAV and libavcodec."""
        import av

        libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
        return f"{self._encoder_version()}, PyAV {av.__version__}, libavcodec {libavcodec}"

    @abstractmethod
    def _encoder_version(self) -> str: ...

    @abstractmethod
    def parameters(self, quality: float) -> dict[str, str]:
        """FFmpeg's options of the encoder."""

    def command(self, quality: float) -> str:
        """FFmpeg's command line of a raw picture."""
        words = " ".join(f"-{name} {value}" for name, value in self.parameters(quality).items())
        stated = f"-colorspace {MATRIX} -color_primaries {PRIMARIES} -color_trc {TRANSFER} -color_range pc"
        return (
            f"ffmpeg -f rawvideo -pixel_format {self.layout} -video_size WxH -i in.yuv "
            f"-c:v {self.encoder} {words} {stated} out.{self.ending}  # in.yuv: BT.601, full range"
        )

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """The stream. Raises ValueError for a picture that the encoder finds too small."""
        if not self._threads:
            raise RuntimeError("not opened")
        height, width = pixels.shape[:2]
        if min(height, width) < self.least_side:
            raise ValueError(f"{self.encoder} codes no picture below {self.least_side} pixels a side")
        return self._stream(pixels, self.parameters(quality))

    def _stream(self, pixels: Pixels, parameters: dict[str, str]) -> bytes:
        from av import CodecContext

        height, width = pixels.shape[:2]
        context = cast("VideoCodecContext", CodecContext.create(self.encoder, "w"))
        context.width, context.height, context.pix_fmt = width, height, self.layout
        context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
        context.color_range, context.colorspace = FULL_RANGE, MATRIX
        context.color_primaries, context.color_trc = PRIMARIES, TRANSFER
        context.thread_count = self._threads
        context.options = parameters
        packets = [*context.encode(self._frame(pixels)), *context.encode(None)]
        return b"".join(bytes(packet) for packet in packets)

    def _frame(self, pixels: Pixels) -> VideoFrame:
        from av import VideoFrame

        height, width = pixels.shape[:2]
        frame = VideoFrame(width, height, self.layout)
        frame.color_range, frame.colorspace, frame.pts = FULL_RANGE, MATRIX, 0
        for target, plane in zip(frame.planes, to_planes(pixels, subsampled=self._subsampled), strict=True):
            rows = np.zeros((target.height, target.line_size), np.uint8)  # FFmpeg aligns its rows
            rows[: plane.shape[0], : plane.shape[1]] = plane
            target.update(rows.tobytes())
        return frame

    @property
    def _subsampled(self) -> bool:
        return self.layout == "yuv420p"

    def decode(self, data: bytes) -> Pixels:
        """The decoder's picture. Raises FFmpegError, or ValueError for a stream that is not one picture.

        FFmpeg's HEVC decoder does not notice that a stream ends early.
        """
        from av import CodecContext, Packet

        context = cast("VideoCodecContext", CodecContext.create(self.decoder, "r"))
        context.thread_count = self._threads
        context.options = {"err_detect": "explode"}  # instead of inventing what is damaged
        frames = [*context.decode(Packet(data)), *context.decode(None)]
        if len(frames) != 1 or frames[0].is_corrupt or frames[0].format.name not in _LAYOUTS[self.layout]:
            raise ValueError(f"not one picture of {self.encoder}")
        return to_pixels([_samples(plane) for plane in frames[0].planes])


# yuvj... is FFmpeg's older name for full range.
_LAYOUTS = {"yuv444p": ("yuv444p", "yuvj444p"), "yuv420p": ("yuv420p", "yuvj420p")}


def _samples(plane: VideoPlane) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


class X265Intra(IntraVideo):
    """HEVC in 4:4:4, 8 bits: preset slow, tuned for PSNR.

    On three LIVE pictures medium needs 3.6 % more bits of the same PSNR, and "slower" 0.3 % less.

    The note about the encoder that x265 puts into the stream (half a kilobyte) is left away. CRF 0..51, any number.
    """

    id = "x265-intra"
    title = "HEVC intra by x265, 4:4:4"
    ending = "hevc"
    encoder = "libx265"
    decoder = "hevc"
    layout = "yuv444p"
    least_side = 16
    qualities = (51, 46, 42, 38, 34, 30, 26, 22, 19)

    def __init__(self) -> None:
        self.options = {"preset": "slow", "tune": "psnr", "x265-params": "info=0:keyint=1"}

    def parameters(self, quality: float) -> dict[str, str]:
        """With x265's pool of threads, whose size does not change the bytes."""
        settings = f"log-level=none:{self.options['x265-params']}:pools={max(self._threads, 1)}:frame-threads=1"
        return {"preset": "slow", "tune": "psnr", "crf": f"{quality:g}", "x265-params": settings}

    def _encoder_version(self) -> str:
        noted = {"preset": "ultrafast", "x265-params": "log-level=none:info=1:keyint=1:pools=1:frame-threads=1"}
        stream = self._stream(np.zeros((16, 16, 3), np.uint8), noted)
        found = re.search(rb"x265 \(build \d+\) - ([\w.+-]+)", stream)
        return f"x265 {found[1].decode() if found else 'of an unknown version'}"


class SvtAv1Intra(IntraVideo):
    """AV1 in 4:2:0, the only chroma format of the encoder, 8 bits, preset 4, its still-picture mode (avif=1).

    On three LIVE pictures preset 2 saves 3.3 % for more than twice the time, and avif=1 2 %.
    CRF 1..63, whole numbers. Decoded by dav1d.
    """

    id = "svtav1-intra"
    title = "AV1 intra by SVT-AV1, 4:2:0"
    ending = "obu"
    encoder = "libsvtav1"
    decoder = "libdav1d"
    layout = "yuv420p"
    least_side = 4
    qualities = (58, 52, 46, 40, 33, 26, 18, 12, 7, 3)

    def __init__(self) -> None:
        self.options = {"preset": 4, "svtav1-params": "avif=1"}

    def open(self, threads: int) -> None:
        """As above; SVT-AV1 is told to log errors only, which it otherwise does not do through FFmpeg."""
        os.environ.setdefault("SVT_LOG", "1")
        super().open(threads)

    def parameters(self, quality: float) -> dict[str, str]:
        """With SVT-AV1's level of parallelism, which does not change the bytes."""
        settings = f"{self.options['svtav1-params']}:lp={max(self._threads, 1)}"
        return {"preset": "4", "crf": str(round(quality)), "svtav1-params": settings}

    def _encoder_version(self) -> str:
        """PyAV does not tell, but the wheels' library has it in its name: libSvtAv1Enc-9393c086.so.4.1.0."""
        import av

        for library in Path(av.__file__).parent.parent.glob("av.libs/libSvtAv1Enc*"):
            _, _, number = library.name.partition(".so.")
            return f"SVT-AV1 {number}" if number else "SVT-AV1"
        return "SVT-AV1"
