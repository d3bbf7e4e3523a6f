"""Ancillary streams beside the frames: packets of sound as they came, interleaved with the frames in time.

A stream is described once (`aSTR`), before the first frame; each packet is a chunk of its own (`aPKT`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction

from bitstream import fields
from bitstream.errors import CorruptError
from bitstream.fields import Field

STREAM, PACKET = b"aSTR", b"aPKT"
MAX_STREAMS = 32
MAX_PACKET_BYTES = 1 << 24
MAX_STREAM_BYTES = 1 << 20  # description, extradata included
NO_TIME = -(1 << 63)  # a packet without this timestamp
_TIMES = range(-(1 << 63), 1 << 63)
_POSITIVE = range(1, 1 << 32)
_TEXT = struct.Struct("<B")
SOUND = "sound"  # what people call all of it together

STREAM_FIELDS = (
    Field("index", "B", range(MAX_STREAMS)),
    Field("time_base_num", "I", _POSITIVE),
    Field("time_base_den", "I", _POSITIVE),
    Field("sample_rate", "I", range(1 << 32)),
)
PACKET_FIELDS = (
    Field("stream", "B", range(MAX_STREAMS)),
    Field("key", "B", {0, 1}),
    Field("pts", "q", _TIMES),
    Field("dts", "q", _TIMES),
    Field("duration", "I", range(1 << 32)),
)
MAX_PACKET_PAYLOAD = MAX_PACKET_BYTES + fields.size_of(PACKET_FIELDS)


@dataclass(frozen=True)
class AudioStream:
    """A stream of sound, which is stored as it comes.

    Args:
        index: 0..31, by which packets name their stream.
        codec, layout, format: FFmpeg's names of the codec, the channel layout and the sample format.
        time_base: seconds of one unit of the packets' times.
        sample_rate: in Hz.
        language: an ISO 639 code, or empty.
        extra: what the decoder needs before the first packet (FFmpeg's extradata).
    """

    index: int
    codec: str
    time_base: Fraction
    sample_rate: int
    layout: str
    format: str = ""
    language: str = ""
    extra: bytes = field(default=b"", repr=False)

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        base = self.time_base
        values = {
            "index": self.index,
            "time_base_num": base.numerator,
            "time_base_den": base.denominator,
            "sample_rate": self.sample_rate,
        }
        texts = (self.codec, self.layout, self.format, self.language)
        return fields.pack(STREAM_FIELDS, values) + b"".join(map(_packed_text, texts)) + self.extra

    @classmethod
    def unpack(cls, payload: bytes) -> AudioStream:
        """Raises CorruptError."""
        values = fields.unpack(STREAM_FIELDS, payload, "audio stream")
        base = Fraction(values.pop("time_base_num"), values.pop("time_base_den"))
        at, texts = fields.size_of(STREAM_FIELDS), []
        for _ in range(4):
            text, at = _read_text(payload, at)
            texts.append(text)
        codec, layout, format_, language = texts
        return cls(
            codec=codec,
            layout=layout,
            format=format_,
            language=language,
            extra=payload[at:],
            time_base=base,
            index=values["index"],
            sample_rate=values["sample_rate"],
        )


@dataclass(frozen=True)
class AudioPacket:
    """A packet of sound.

    Args:
        stream: the index of its stream.
        data: the coded sound.
        pts, dts: when it is heard, and decoded, in units of the stream's time base; None where it has no such time.
        duration: in the same units; 0 is not known.
        key: whether it decodes without the packets before it.
    """

    stream: int
    data: bytes = field(repr=False)
    pts: int | None
    dts: int | None = None
    duration: int = 0
    key: bool = True

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        values = {
            "stream": self.stream,
            "key": int(self.key),
            "pts": NO_TIME if self.pts is None else self.pts,
            "dts": NO_TIME if self.dts is None else self.dts,
            "duration": self.duration,
        }
        return fields.pack(PACKET_FIELDS, values) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> AudioPacket:
        """Raises CorruptError."""
        values = fields.unpack(PACKET_FIELDS, payload, "audio packet")
        pts, dts = (None if values[name] == NO_TIME else values[name] for name in ("pts", "dts"))
        data = payload[fields.size_of(PACKET_FIELDS) :]
        return cls(values["stream"], data, pts, dts, values["duration"], bool(values["key"]))


def _packed_text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"{text!r} is too long")
    return _TEXT.pack(len(data)) + data


def _read_text(payload: bytes, at: int) -> tuple[str, int]:
    """The text at `at`, and where it ends."""
    end = at + 1 + payload[at] if at < len(payload) else len(payload) + 1
    if end > len(payload):
        raise CorruptError("audio stream: ends inside a name")
    try:
        return payload[at + 1 : end].decode(), end
    except UnicodeDecodeError:
        raise CorruptError("audio stream: a name is no text") from None
