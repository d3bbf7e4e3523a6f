"""Sound that is copied: the same packets, at the same times, or one note."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import av
import pytest

from bitstream.sequence.audio import AudioPacket, AudioStream
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import Kind, SinkSettings
from codec.notes import WispNote
from tests.support.media_files import Pipe as ReadPipe
from tests.support.sink_files import CLIP, SIZE, Pipe, Stdout, described, frames, moved, sound, times, write

CASES = [
    ("aac", "mp4"),
    ("flac", "matroska"),
    ("libopus", "ogg"),
    ("libmp3lame", "mp3"),
    ("pcm_s16le", "wav"),
    ("pcm_s24le", "mov"),
    ("alac", "mp4"),
    ("ac3", "matroska"),
]


def digest(packets: list[AudioPacket]) -> str:
    return sha256(b"".join(packet.data for packet in packets)).hexdigest()


def starts(stream: AudioStream, packets: list[AudioPacket]) -> list[Fraction]:
    return [packet.pts * stream.time_base for packet in packets if packet.pts is not None]


def decoded(path: Path) -> int:
    """Samples a channel."""
    with av.open(str(path), "r") as container:
        return sum(frame.samples for frame in container.decode(audio=0))


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize("name, source", CASES)
def test_packets_come_back(tmp_path: Path, name: str, source: str, kind: Kind) -> None:
    stream, packets = described(sound(name, source), index=3)
    path = write(tmp_path / f"a.{kind}", SinkSettings(kind), frames(range(13)), CLIP, (stream,), packets)
    again, got = described(path, index=3)
    assert digest(got) == digest(packets)
    assert (again.codec, again.sample_rate, again.extra) == (stream.codec, stream.sample_rate, stream.extra)
    tick = max(again.time_base, stream.time_base)  # Matroska counts milliseconds
    if not name.startswith("pcm"):  # whose packets MP4 does not keep apart
        for a, b in zip(starts(stream, packets), starts(again, got), strict=True):
            assert abs(a - b) <= tick
    assert times(path) == [Fraction(n, 25) for n in range(13)]  # negative times of sound move no frame
    assert decoded(path) >= 24_000 - 1024


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize("milliseconds", [-250, 300])
def test_sound_that_starts_at_another_time(tmp_path: Path, kind: Kind, milliseconds: int) -> None:
    stream, packets = described(sound("flac", "matroska"))
    packets = moved(packets, milliseconds)
    path = write(tmp_path / f"a.{kind}", SinkSettings(kind), frames(range(13)), CLIP, (stream,), packets)
    again, got = described(path)
    assert digest(got) == digest(packets)
    assert starts(again, got) == pytest.approx(starts(stream, packets), abs=0.001)
    assert times(path) == [Fraction(n, 25) for n in range(13)]


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_gap_in_the_sound(tmp_path: Path, kind: Kind) -> None:
    stream, packets = described(sound("flac", "matroska"))
    packets = packets[:2] + moved(packets[2:], 700)
    path = write(tmp_path / f"a.{kind}", SinkSettings(kind), frames(range(40)), CLIP, (stream,), packets)
    again, got = described(path)
    assert starts(again, got) == pytest.approx(starts(stream, packets), abs=0.001)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_packets_without_times_or_out_of_order(tmp_path: Path, kind: Kind) -> None:
    stream, packets = described(sound("aac", "mp4"))
    packets = [replace(packet, pts=None, dts=None) if n % 3 == 1 else packet for n, packet in enumerate(packets)]
    packets[6] = replace(packets[6], pts=packets[5].pts, dts=packets[5].dts)
    path = write(tmp_path / f"a.{kind}", SinkSettings(kind), frames(range(13)), CLIP, (stream,), packets)
    again, got = described(path)
    assert digest(got) == digest(packets)
    assert all(a < b for a, b in pairwise(starts(again, got))) or kind == "mkv"


def test_two_streams_and_their_languages(tmp_path: Path) -> None:
    first, one = described(sound("aac", "mp4"), index=0)
    second, two = described(sound("libopus", "ogg", "mono"), index=5)
    streams = (replace(first, language="eng"), replace(second, language="deu"))
    path = write(tmp_path / "a.mkv", SinkSettings("mkv"), frames(range(13)), CLIP, streams, [*one, *two])
    with av.open(str(path), "r") as container:
        found = [
            (s.codec_context.codec.canonical_name, s.language, s.codec_context.layout.name)
            for s in container.streams.audio
        ]
        assert found == [("aac", "eng", "stereo"), ("opus", "deu", "mono")]
        data = {0: b"", 1: b""}
        for packet in container.demux(audio=(0, 1)):
            data[packet.stream.index - 1] += bytes(packet)
    assert data == {0: b"".join(p.data for p in one), 1: b"".join(p.data for p in two)}


def test_sound_and_frames_are_interleaved(tmp_path: Path) -> None:
    stream, packets = described(sound("flac", "matroska", seconds=3))
    path = write(tmp_path / "a.mkv", SinkSettings("mkv"), frames(range(75)), CLIP, (stream,), packets)
    with av.open(str(path), "r") as container:
        at = [float(packet.dts * packet.time_base) for packet in container.demux() if packet.dts is not None]
    assert max(max(at[:n]) - at[n] for n in range(1, len(at))) < 0.2


@pytest.mark.parametrize(
    "codec, kind", [("pcm_mulaw", "mp4"), ("dts", "mkv"), ("truehd", "mkv"), ("no_such_codec", "mkv"), ("cook", "mp4")]
)
def test_codecs_without_an_encoder_or_a_place(tmp_path: Path, codec: str, kind: Kind) -> None:
    """DTS and TrueHD, which FFmpeg does not encode here, are copied; what has no place there is told once."""
    stream = AudioStream(2, codec, Fraction(1, 48_000), 48_000, "stereo")
    packets = [AudioPacket(2, bytes([0x7F, 0xFE, 0x80, 1, n] * 20), n * 512, n * 512, 512) for n in range(20)]
    file = tmp_path / f"a.{kind}"
    if codec in ("dts", "truehd"):
        write(file, SinkSettings(kind), frames(range(6)), CLIP, (stream,), packets)
        with av.open(str(file), "r", options={"fflags": "+noparse+nofillin"}) as container:
            assert container.streams.audio[0].codec_context.codec.canonical_name == codec
            got = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        assert got == [packet.data for packet in packets]
        return
    with pytest.warns(WispNote, match=f"{kind} does not take sound as {codec}: stream 2 is left out") as notes:
        write(file, SinkSettings(kind), frames(range(6)), CLIP, (stream,), packets)
    assert len(notes) == 1 and len(times(file)) == 6


@pytest.mark.parametrize("kind", ["y4m", "rgb24", "yuv420p", "gif", "webp", "png"])
def test_outputs_without_sound(tmp_path: Path, kind: Kind) -> None:
    stream, packets = described(sound("flac", "matroska"))
    with pytest.warns(WispNote, match=f"{kind} holds no sound: it is left out") as notes:
        write(tmp_path / "a", SinkSettings(kind), frames(), CLIP, (stream,), packets)
    assert len(notes) == 1


def test_packets_that_the_container_refuses(tmp_path: Path) -> None:
    """AAC that says it has ADTS headers and has none: the frames are written all the same."""
    stream, packets = described(sound("aac", "adts"))
    broken = [replace(packet, data=b"\xff" * 40) for packet in packets]
    with pytest.warns(WispNote, match="mp4 refuses a packet of sound stream 0") as notes:
        path = write(tmp_path / "a.mp4", SinkSettings("mp4"), frames(range(13)), CLIP, (stream,), broken)
    assert len(notes) == 1 and len(times(path)) == 13


def piped(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """What is behind standard output from now on."""
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", Stdout(pipe))
    return pipe


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize("name, source", [("aac", "mp4"), ("libopus", "ogg")])
def test_containers_on_a_pipe(monkeypatch: pytest.MonkeyPatch, kind: Kind, name: str, source: str) -> None:
    """Readable from its beginning on, with the same times."""
    pipe = piped(monkeypatch)
    stream, packets = described(sound(name, source))
    write("-", SinkSettings(kind), frames(range(13)), CLIP, (stream,), packets)
    data = pipe.data
    again, got = described(data)
    assert digest(got) == digest(packets)
    assert starts(again, got) == pytest.approx(starts(stream, packets), abs=0.001)
    assert times(data) == pytest.approx([n / 25 for n in range(13)], abs=0.0005)

    with av.open(ReadPipe(data), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 13


def test_a_pipe_has_the_frames_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fragments: what has come is played without the rest."""
    pipe = piped(monkeypatch)
    with open_sink("-", SinkSettings("mp4", preset="ultrafast"), CLIP, SIZE, "RGB") as sink:
        for frame in frames(range(600)):
            sink.write(frame)
        early = pipe.data
        assert len(times(early)) >= 250
    assert len(times(pipe.data)) == 600
