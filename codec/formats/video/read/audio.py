"""Sound in: FFmpeg's streams and packets -> the format's, unaltered."""

from __future__ import annotations

from typing import Any

import av

from bitstream.errors import LimitError
from bitstream.sequence.audio import MAX_PACKET_BYTES, MAX_STREAM_BYTES, AudioPacket, AudioStream

_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}  # FFmpeg's


def copied(packet: av.Packet[Any], index: int) -> AudioPacket:
    """A packet with its bytes and times, of the stream `index`. Raises LimitError if it is too large."""
    if packet.size > MAX_PACKET_BYTES:
        raise LimitError(f"a packet of sound has {packet.size} bytes: at most {MAX_PACKET_BYTES} are allowed")
    duration = max(packet.duration or 0, 0)
    return AudioPacket(index, bytes(packet), packet.pts, packet.dts, duration, packet.is_keyframe)


def described(stream: Any, index: int) -> AudioStream | None:
    """The description of an av.AudioStream; None if FFmpeg does not know its codec, or it is too large."""
    context = stream.codec_context
    if context is None:
        return None
    found = AudioStream(
        index,
        context.codec.canonical_name,
        stream.time_base,
        context.sample_rate or 0,
        _layout(context),
        context.format.name if context.format else "",
        stream.metadata.get("language", ""),
        bytes(context.extradata or b""),
    )
    try:
        return found if len(found.pack()) <= MAX_STREAM_BYTES else None
    except ValueError:
        return None


def _layout(context: Any) -> str:
    """FFmpeg's name of the channel layout; the usual one if the container states a number of channels alone."""
    channels = context.channels or 0
    name = context.layout.name if context.layout else ""
    return _USUAL_LAYOUTS.get(channels, name) if not name or name == f"{channels} channels" else name
