"""Cutting and joining without coding anew."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import codec
from bitstream.sequence.audio import AudioPacket, AudioStream
from codec.api import Codec
from codec.files.output import Writing
from codec.jobs.describe_sequence import verify_sequence
from codec.jobs.edit import concat_files, cut_file
from codec.jobs.selection import Scale, Selection
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from tests.support.clips import REPEATS, Pixels, moving, written

COUNT = 10
OVER = Writing(overwrite=True)


@pytest.fixture(scope="module")
def coded(wisp: Codec) -> bytes:
    return written(wisp, moving(COUNT), quality=50)


@pytest.fixture(scope="module")
def whole(wisp: Codec, coded: bytes) -> list[Pixels]:
    """What the clip shows."""
    return pixels(wisp, io.BytesIO(coded))


@pytest.fixture
def clip(coded: bytes, tmp_path: Path) -> str:
    path = tmp_path / "clip.wisp"
    path.write_bytes(coded)
    return str(path)


def pixels(wisp: Codec, path: str | Path | io.BytesIO) -> list[Pixels]:
    with open_video(path, codec=wisp) as video:
        return [frame.pixels for frame in video]


def same(a: list[Pixels], b: list[Pixels]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(start=Fraction(1, 5), duration=Fraction(1, 5)), range(5, 10)),
        (Selection(start=Fraction(2, 25)), range(2, 10)),
        (Selection(duration=Fraction(1, 10)), range(3)),
        (Selection(first=REPEATS[0], last=7), range(4, 7)),
        (Selection(first=5, step=2), range(5, 10, 2)),
        (Selection(), range(10)),
    ],
)
def test_a_part_shows_the_same_frames(
    wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path, selection: Selection, numbers: range
) -> None:
    out = tmp_path / "part.wisp"
    report = cut_file(clip, str(out), selection, Writing())
    assert same(pixels(wisp, out), [whole[number] for number in numbers]) and report.frames == len(numbers)
    with open_video(out, codec=wisp) as video, out.open("rb") as file:
        assert video[0].key and video[0].pts == 0 and len(video) == len(numbers)
        verify_sequence(file, wisp)
    assert out.stat().st_size == report.bytes


def test_from_a_pipe(wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path) -> None:
    cut_file(io.BytesIO(Path(clip).read_bytes()), str(tmp_path / "a.wisp"), Selection(first=5), Writing())
    assert same(pixels(wisp, tmp_path / "a.wisp"), whole[5:])


@pytest.mark.parametrize("selection", [Selection(first=10), Selection(start=Fraction(9)), Selection(last=0)])
def test_nothing_left(clip: str, tmp_path: Path, selection: Selection) -> None:
    with pytest.raises(codec.RequestError, match="no frame is left"):
        cut_file(clip, str(tmp_path / "a.wisp"), selection, Writing())
    assert [file.name for file in tmp_path.iterdir()] == ["clip.wisp"]


def test_a_cut_scales_nothing(clip: str, tmp_path: Path) -> None:
    with pytest.raises(codec.RequestError, match="scaled"):
        cut_file(clip, str(tmp_path / "a.wisp"), Selection(scale=Scale(32, 32)), Writing())


def test_outputs_and_inputs_stay(clip: str, tmp_path: Path) -> None:
    before = Path(clip).read_bytes()
    (tmp_path / "there.wisp").write_bytes(b"precious")
    with pytest.raises(codec.OutputExistsError):
        cut_file(clip, str(tmp_path / "there.wisp"), Selection(), Writing())
    for edit in (lambda: cut_file(clip, clip, Selection(), OVER), lambda: concat_files([clip, clip], clip, OVER)):
        with pytest.raises(codec.FileAccessError, match="input itself"):
            edit()
    assert Path(clip).read_bytes() == before


def test_damage_leaves_no_output(clip: str, tmp_path: Path) -> None:
    data = Path(clip).read_bytes()
    short = tmp_path / "short.wisp"
    short.write_bytes(data[:-100])
    for edit in (
        lambda: cut_file(str(short), str(tmp_path / "a.wisp"), Selection(), Writing()),
        lambda: concat_files([clip, str(short)], str(tmp_path / "a.wisp"), Writing()),
    ):
        with pytest.raises(codec.TruncatedError):
            edit()
        assert not (tmp_path / "a.wisp").exists() and not (tmp_path / "a.wisp.part").exists()


def test_joined_clips_follow_one_another(wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path) -> None:
    """Another quality, another rate, a repeat at the seam: units keep their own quality, times their length."""
    other = tmp_path / "other.wisp"
    other.write_bytes(written(wisp, moving(4), "30000/1001", quality=20))
    out = tmp_path / "both.wisp"
    report = concat_files([clip, str(other), clip], str(out), Writing())
    assert report.frames == 24 and report.duration == pytest.approx(20 / 25 + 4 * 1001 / 30000)
    assert same(pixels(wisp, out), whole + pixels(wisp, other) + whole)
    with open_video(out, codec=wisp) as video, out.open("rb") as file:
        times = [frame.seconds for frame in video]
        assert video.rate is None and times[10] == pytest.approx(0.4)
        assert times[14] == pytest.approx(0.4 + 4 * 1001 / 30000)
        assert verify_sequence(file, wisp)[0].repeats == 6


def test_what_was_cut_joins_again(wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path) -> None:
    parts = [str(tmp_path / f"{i}.wisp") for i in range(3)]
    for part, (first, last) in zip(parts, [(0, 3), (3, 6), (6, 10)], strict=True):
        cut_file(clip, part, Selection(first=first, last=last), Writing())
    concat_files(parts, str(tmp_path / "again.wisp"), Writing())
    assert same(pixels(wisp, tmp_path / "again.wisp"), whole)
    with open_video(tmp_path / "again.wisp", codec=wisp) as video:
        assert [frame.pts for frame in video] == list(range(10)) and video.rate == 25


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": (64, 64)}, "width 64"), ({"mode": "L"}, "mode L"), ({"tile": 64}, "tile 64")],
)
def test_what_does_not_go_together(
    wisp: Codec, clip: str, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    other = tmp_path / "other.wisp"
    size = options.get("size", (96, 64))
    frames = moving(2, size, mode=str(options.get("mode", "RGB")))  # type: ignore[arg-type]
    rest = {key: value for key, value in options.items() if key != "size"}
    other.write_bytes(written(wisp, frames, **rest))
    with pytest.raises(codec.RequestError, match=words):
        concat_files([clip, str(other)], str(tmp_path / "a.wisp"), Writing())


def sounding(wisp: Codec, path: Path, layout: str = "stereo", packets: int = 10) -> AudioStream:
    """Ten frames at 25 a second with a packet of 40 ms for each."""
    stream = AudioStream(0, "pcm_s16le", Fraction(1, 1000), 8000, layout)
    with VideoWriter(path, (96, 64), 25, codec=wisp, audio=[stream], lossless=True) as writer:
        for number, frame in enumerate(moving(COUNT)):
            writer.write(frame)
            if number < packets:
                writer.write_audio(AudioPacket(0, bytes([number]), 40 * number, 40 * number, 40))
    return stream


def heard(wisp: Codec, path: Path) -> list[tuple[int | None, bytes]]:
    with open_video(path, codec=wisp) as video:
        return [(item.pts, item.data) for item in video.items() if isinstance(item, AudioPacket)]


def test_sound_is_cut_and_joined(wisp: Codec, tmp_path: Path) -> None:
    whole, part, both = (tmp_path / name for name in ("whole.wisp", "part.wisp", "both.wisp"))
    sounding(wisp, whole)
    cut_file(str(whole), str(part), Selection(start=Fraction(12, 100), duration=Fraction(16, 100)), Writing())
    assert heard(wisp, part) == [(0, b"\3"), (40, b"\4"), (80, b"\5"), (120, b"\6")]
    concat_files([str(part), str(whole)], str(both), Writing())
    assert heard(wisp, both) == heard(wisp, part) + [(160 + 40 * i, bytes([i])) for i in range(10)]


def test_sound_of_different_kinds_is_left_out_with_a_note(wisp: Codec, tmp_path: Path) -> None:
    one, two, out = (tmp_path / name for name in ("one.wisp", "two.wisp", "out.wisp"))
    sounding(wisp, one)
    sounding(wisp, two, "mono")
    with pytest.warns(codec.WispNote, match="sound of different kinds"):
        concat_files([str(one), str(two)], str(out), Writing())
    assert heard(wisp, out) == []


def test_an_unfinished_sequence_is_made_whole(wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path) -> None:
    data, out = Path(clip).read_bytes(), tmp_path / "whole.wisp"
    left = tmp_path / "left.wisp.part"
    left.write_bytes(data[: data.rindex(b"FRAM") + 20])
    report = cut_file(str(left), str(out), Selection(), Writing(), salvage=True)
    assert report.frames == COUNT - 1 and report.lost == 0
    assert same(pixels(wisp, out), whole[: COUNT - 1])
    with out.open("rb") as file:
        verify_sequence(file, wisp)


def test_damage_is_cut_out(wisp: Codec, clip: str, whole: list[Pixels], tmp_path: Path) -> None:
    data = bytearray(Path(clip).read_bytes())
    places = [i for i in range(len(data)) if data[i : i + 4] == b"FRAM"]
    data[places[3] + 60] ^= 1  # frames 4 and 5 repeat it
    damaged, out = tmp_path / "damaged.wisp", tmp_path / "rest.wisp"
    damaged.write_bytes(data)
    report = cut_file(str(damaged), str(out), Selection(), Writing(), salvage=True)
    assert (report.frames, report.lost) == (COUNT - 3, 1)
    assert same(pixels(wisp, out), [whole[i] for i in (0, 1, 2, 6, 7, 8, 9)])


def early_sound(wisp: Codec, path: Path) -> list[tuple[int | None, bytes]]:
    """Sound that begins before the first frame and is stored ahead of the frame that it goes with."""
    stream = AudioStream(0, "pcm_s16le", Fraction(1, 1000), 8000, "mono")
    with VideoWriter(path, (96, 64), 25, codec=wisp, audio=[stream], lossless=True) as writer:
        writer.write_audio(AudioPacket(0, b"priming", -20, -20, 20))
        for number, frame in enumerate(moving(COUNT)):
            writer.write_audio(AudioPacket(0, bytes([number]), 40 * number, 40 * number, 40))
            writer.write(frame)
    return heard(wisp, path)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(last=3), [-20, 0, 40, 80, 120]),
        (Selection(duration=Fraction(12, 100)), [-20, 0, 40, 80]),
        (Selection(first=5), [0, 40, 80, 120, 160]),
        (Selection(start=Fraction(19, 100), duration=Fraction(8, 100)), [0, 40]),
    ],
)
def test_sound_goes_with_its_frames(wisp: Codec, tmp_path: Path, selection: Selection, expected: list[int]) -> None:
    whole, part = tmp_path / "whole.wisp", tmp_path / "part.wisp"
    assert len(early_sound(wisp, whole)) == COUNT + 1
    cut_file(str(whole), str(part), selection, Writing())
    assert [time for time, _ in heard(wisp, part)] == expected
