"""Sound in: packets copied unaltered, described, interleaved with the frames; subtitles and data left out."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from bitstream.sequence.audio import AudioPacket
from codec.formats.video.read.timing import WaitingPackets
from codec.pixels.frame import Frame
from tests.support.media_files import SOUND_RATE, moving, read, write_clip

SOUND = [
    ("a.mp4", ("aac",)),
    ("a.mkv", ("flac", "libmp3lame")),
    ("a.mkv", ("pcm_s16le", "libopus")),
    ("a.mov", ("pcm_s16le",)),
]


@pytest.mark.parametrize(("name", "codecs"), SOUND)
def test_sound_is_copied_unaltered(tmp_path: Path, name: str, codecs: tuple[str, ...]) -> None:
    written = write_clip(tmp_path / name, moving(15), "libx264", sound=codecs)
    found = read(tmp_path / name)
    expected = {"libmp3lame": "mp3", "libopus": "opus"}
    assert [stream.codec for stream in found.source.audio] == [expected.get(name, name) for name in codecs]
    with av.open(str(tmp_path / name)) as again:
        described: list[Any] = list(again.streams.audio)
        facts = [(s.format.name, bytes(s.codec_context.extradata or b""), s.time_base) for s in described]
        times = [[p.pts, p.dts, p.duration] for one in described for p in reread(tmp_path / name, one.index)]
    assert [(stream.format, stream.extra, stream.time_base) for stream in found.source.audio] == facts
    mine = [[p for p in found.packets if p.stream == stream.index] for stream in found.source.audio]
    assert [[p.pts, p.dts, p.duration] for packets in mine for p in packets] == times
    for stream, packets, data in zip(found.source.audio, mine, written, strict=True):
        assert (stream.sample_rate, stream.layout) == (SOUND_RATE, "stereo")
        assert digest(packet.data for packet in packets) == digest(data)


def reread(path: Path, index: int) -> list[Any]:
    """The packets of one stream, by PyAV alone."""
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(container.streams[index]) if packet.size]


def digest(packets: Any) -> str:
    return hashlib.sha256(b"".join(packets)).hexdigest()


def test_sound_comes_before_the_first_later_frame(tmp_path: Path) -> None:
    """With frames that come out of the decoder long after their packets went in."""
    write_clip(tmp_path / "a.mkv", moving(40), "libx264", options={"bf": "3"}, sound=("flac",))
    found = read(tmp_path / "a.mkv")
    base = found.source.audio[0].time_base
    latest = 0.0
    frames_after_sound = 0
    for item in found.items:
        if isinstance(item, Frame):
            latest = item.seconds
        else:
            assert item.pts is not None
            frames_after_sound += 1
            assert float(item.pts * base) >= latest - 1e-9
    assert frames_after_sound > 10


def test_waiting_packets_are_bounded_and_in_order() -> None:
    waiting = WaitingPackets((Fraction(1, 1000), Fraction(1, 10)))
    for packet in (AudioPacket(0, b"b", 300), AudioPacket(1, b"a", 2), AudioPacket(0, b"c", None, 400)):
        assert list(waiting.push(packet)) == []
    assert [packet.data for packet in waiting.until(Fraction(3, 10))] == [b"a", b"b"]
    assert [packet.data for packet in waiting.rest()] == [b"c"]
    large = [AudioPacket(0, bytes(1 << 20), i) for i in range(12)]
    out = [packet.pts for packet in large for packet in waiting.push(packet)]
    assert out == list(range(len(out)))
    assert len(out) >= 4


def test_sound_is_left_out_silently_on_request(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", moving(4), sound=("aac",))
    found = read(tmp_path / "a.mp4", audio=False)
    assert (found.packets, found.source.audio, found.notes) == ([], (), [])


def test_subtitles_are_left_out_with_a_note(tmp_path: Path) -> None:
    write_clip(tmp_path / "plain.mkv", moving(3))
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,080\nhello\n")
    with (
        av.open(str(tmp_path / "plain.mkv")) as video,
        av.open(str(tmp_path / "a.srt")) as text,
        av.open(str(tmp_path / "a.mkv"), "w") as out,
    ):
        streams: list[Any] = [video.streams[0], text.streams[0]]
        targets = [out.add_stream_from_template(stream) for stream in streams]
        for source, stream, target in zip((video, text), streams, targets, strict=True):
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = target
                    out.mux(packet)
    found = read(tmp_path / "a.mkv")
    assert found.notes == ["subtitles left out (1 stream)"]
    assert len(found.frames) == 3
