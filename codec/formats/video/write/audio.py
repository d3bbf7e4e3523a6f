"""Packets of sound, copied unaltered into MP4 and Matroska."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import OutputContainer
from av.stream import Stream

from bitstream.sequence.audio import AudioPacket, AudioStream
from codec.formats.video.write.matroska import element
from codec.notes import note

_COUNTED = re.compile(r"(\d+) channels?")  # FFmpeg's word for channels of unknown places
_PLACED = {"1": "mono", "2": "stereo"}
_WITHOUT_ENCODER = {"dts": b"A_DTS", "truehd": b"A_TRUEHD"}  # Matroska's names


class CopiedAudio:
    """The sound streams of a container; those that it cannot hold are left out, with one note each."""

    def __init__(self, container: OutputContainer, muxer: str, kind: str, streams: tuple[AudioStream, ...]) -> None:
        self._container, self._kind = container, kind
        self._streams: dict[int, tuple[AudioStream, Stream]] = {}
        self._last: dict[int, int] = {}  # dts of the last packet, in the units of the container
        self._end: dict[int, int] = {}  # where it ends, in those of the source
        for stream in streams:
            if not _is_taken(stream, muxer):
                note(f"{kind} does not take sound as {stream.codec}: stream {stream.index} is left out")
                continue
            self._streams[stream.index] = stream, _added(container, stream)

    def write(self, packet: AudioPacket) -> None:
        """Write a packet, unless its stream was left out."""
        if packet.stream not in self._streams or not packet.data:
            return
        source, stream = self._streams[packet.stream]
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None:
            at = self._end.get(packet.stream, 0)
        self._end[packet.stream] = at + packet.duration
        copy = av.Packet(packet.data)
        copy.stream = stream
        copy.time_base = source.time_base
        copy.pts, copy.dts, copy.duration = at, at if packet.dts is None else packet.dts, packet.duration
        copy.is_keyframe = packet.key
        self._keep_order(packet.stream, copy, stream.time_base)
        try:
            self._container.mux(copy)
        except av.FFmpegError as error:
            reason = error.strerror or str(error)
            note(f"{self._kind} refuses a packet of sound stream {packet.stream} ({reason}): the rest is left out")
            del self._streams[packet.stream]

    def _keep_order(self, index: int, packet: av.Packet[Stream], time_base: Fraction | None) -> None:
        """Move a packet whose decoding time does not rise, as containers demand, to just after the last one."""
        if not time_base or packet.dts is None:
            return
        dts = round(packet.dts * packet.time_base / time_base)
        if (last := self._last.get(index)) is not None and dts <= last:
            moved = last + 1 - dts
            packet.pts = round((packet.pts or 0) * packet.time_base / time_base) + moved
            packet.duration = round((packet.duration or 0) * packet.time_base / time_base)
            packet.dts = dts = last + 1
            packet.time_base = time_base
        self._last[index] = dts


def _is_taken(source: AudioStream, muxer: str) -> bool:
    """Whether the muxer can write a header with this stream alone."""
    with suppress(av.FFmpegError, ValueError, OverflowError), av.open(BytesIO(), "w", format=muxer) as trial:
        _added(trial, source)
        trial.start_encoding()
        return True
    return False


def _added(container: OutputContainer, source: AudioStream) -> Stream:
    """Add a stream for packets that are already encoded. Raises ValueError or FFmpegError if that is not possible.

    PyAV copies such a stream from another one only, which here gives the codec alone; the rest is set afterwards and
    goes into the header as it is, because no encoder is opened.
    """
    stream = container.add_stream_from_template(_template(av.Codec(source.codec, "r").canonical_name), opaque=True)
    context = cast(AudioCodecContext, stream.codec_context)
    context.sample_rate = source.sample_rate
    counted = _COUNTED.fullmatch(source.layout)
    context.layout = _PLACED.get(counted[1], source.layout) if counted else source.layout
    if source.format:
        context.format = source.format
    if source.extra:
        context.extradata = source.extra
    stream.time_base = source.time_base
    if source.language:
        stream.metadata["language"] = source.language
    return stream


def _template(codec: str) -> Stream:
    """A stream of this codec to copy: of an unused container if FFmpeg has an encoder, else of a header made here."""
    if codec not in _WITHOUT_ENCODER:
        try:
            return av.open(BytesIO(), "w", format="nut").add_stream(codec)
        except ValueError:  # NUT has a name for nearly every codec
            return av.open(BytesIO(), "w", format="matroska").add_stream(codec)
    track = element(0xD7, b"\1") + element(0x73C5, b"\1") + element(0x83, b"\2")  # number, id, sound
    track += element(0x86, _WITHOUT_ENCODER[codec])
    head = element(0x1A45DFA3, element(0x4282, b"matroska"))
    tracks, cluster = element(0x1654AE6B, element(0xAE, track)), element(0x1F43B675, element(0xE7, b"\0"))
    return av.open(BytesIO(head + element(0x18538067, tracks + cluster))).streams[0]
