"""Uncompressed video for pipes: YUV4MPEG2 (y4m), and bare rgb24 or yuv420p without a header.

FFmpeg's encoder lays out the samples; each frame is flushed as soon as it is complete. The header is written here,
as mjpegtools' writer has it (https://wiki.multimedia.cx/index.php/YUV4MPEG2): PyAV has no way to give FFmpeg's muxer
the pixel aspect, which it then calls unknown, and the rate may not be known before the second frame.
"""

from __future__ import annotations

from dataclasses import replace

import av

from bitstream.sequence.clip import UNKNOWN_MATRIX, Clip
from codec.formats.video.write.colour import RGB_LOOK, Converter, look_of
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.file import FileSink, OutFile
from codec.formats.video.write.sink import SinkSettings
from codec.pixels.frame import Frame

_SAMPLING = {"yuv420p": "C420jpeg", "yuv444p": "C444", "gray": "Cmono"}


class RawSink(FileSink):
    """Frames at a constant rate: that of the settings, else of the clip, else the one that the first frames have."""

    def __init__(self, file: OutFile, settings: SinkSettings, clip: Clip, size: tuple[int, int], mode: str) -> None:
        self._constant = ConstantRate(settings.rate or clip.rate)
        super().__init__(file, size, mode, self._constant)
        self._aspect = clip.pixel_aspect
        self._y4m = settings.kind == "y4m"
        self._begun = False
        self._format = settings.kind if not self._y4m else f"yuv{settings.chroma}p"
        # Neither header nor raw video states a matrix: it is the one that whoever reads them takes.
        look = look_of(replace(clip, colour_matrix=UNKNOWN_MATRIX), size[1])
        if self._y4m and mode == "L":
            self._format = "gray"  # the levels as they are, which is full range
        elif self._format == "rgb24":
            look = RGB_LOOK
        self._full = look.full or self._format == "gray"
        self._converter = Converter(self._format, look, size, settings.kind)
        self._encoder = av.CodecContext.create("rawvideo", "w")
        self._encoder.width, self._encoder.height = size
        self._encoder.pix_fmt, self._encoder.time_base = self._format, clip.time_base

    def _take(self, frame: Frame) -> None:
        if self._y4m:
            self._file.write(b"FRAME\n" if self._begun else self._header() + b"FRAME\n")
            self._begun = True
        for packet in self._encoder.encode(self._converter.frame(frame.pixels)):
            self._file.write(memoryview(packet))
        self._file.flush()

    def _finish(self) -> None:
        """Every frame is written already."""

    def _header(self) -> bytes:
        rate, aspect = self._constant.rate, self._aspect
        assert rate is not None
        width, height = self._size
        colours = f"{_SAMPLING[self._format]} XCOLORRANGE={'FULL' if self._full else 'LIMITED'}"
        return (
            f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip "
            f"A{aspect.numerator}:{aspect.denominator} {colours}\n"
        ).encode()
