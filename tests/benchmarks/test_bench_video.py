"""The parts of the video benchmark: its sequences, raw clips, measures, and the fit to a size."""

from __future__ import annotations

import json
import math
import sys
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.codecs.interface import AbsentError
from benchmarks.measures import vmaf
from benchmarks.measures.catalog import INFOS, OF_CLIPS, open_measures
from benchmarks.measures.standard import MOST_DB, psnr_yuv611
from benchmarks.raw import Pixels, RawClip, write_raw
from benchmarks.rd.plan import frame_name, sequence_and_frame
from benchmarks.sequences import MADE, SHOT, noise, pan_zoom, scroll, size_of, write_sequence
from benchmarks.videos import OWN, Video, folder_sources, own_sources
from benchmarks.ycbcr import to_pixels, to_planes
from bitstream.errors import CorruptError, FileAccessError, RequestError
from codec.notes import WispNote
from codec.pixels.distortion import ms_ssim, psnr

SIZE = (48, 32)


def clip(name: str = "pan-zoom", frames: int = 4) -> list[Pixels]:
    return list(MADE[name](*SIZE, frames))


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other).mean())


# Sequences


@pytest.mark.parametrize("name", MADE)
def test_own_sequences_are_what_they_are_every_time(name: str) -> None:
    first, again = clip(name, 5), clip(name, 5)
    assert len(first) == 5 and all(frame.shape == (32, 48, 3) and frame.dtype == np.uint8 for frame in first)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    longer = islice(MADE[name](*SIZE, 5 * SHOT), 2 * SHOT)
    same = MADE[name](*SIZE, 2 * SHOT)
    assert all(np.array_equal(one, other) for one, other in zip(longer, same, strict=True))


def test_pan_and_zoom_moves_by_fractions_of_a_pixel_and_cuts() -> None:
    frames = list(pan_zoom(96, 64, 2 * SHOT))
    steps = [difference(one, other) for one, other in pairwise(frames)]
    cut = steps.pop(SHOT - 1)
    assert cut > 3 * max(steps) and min(steps) > 0.1  # nothing else cuts, nothing stands still
    left, right = frames[0].astype(int), frames[1].astype(int)
    whole = [np.roll(left, (down, across), (0, 1)) for down in range(-3, 4) for across in range(-3, 4)]
    assert min(np.abs(moved - right)[8:-8, 8:-8].mean() for moved in whole) > 1  # a move by whole pixels would be 0
    assert difference(*clip(frames=2)) > 10  # two frames are cut in the middle


def test_the_screen_scrolls_by_whole_pixels_and_stands_still() -> None:
    frames = list(scroll(160, 120, 40))
    bar = 120 // 12
    moves = []
    for one, other in pairwise(frames):
        shifts = [by for by in range(-9, 10) if np.array_equal(_shifted(one[bar:], by), _shifted(other[bar:], -by))]
        assert shifts
        moves.append(min(shifts, key=abs))
        assert np.array_equal(one[:bar], other[:bar])
    assert moves[:6] == [3, 3, 0, 0, 4, 4] and {0, 3, 4, 9} == set(moves)


def _shifted(pixels: Pixels, by: int) -> Pixels:
    """What is left of it when its first `by` rows go, or its last."""
    return pixels[by:] if by > 0 else pixels[: len(pixels) + by]


def test_noise_is_new_in_every_frame_and_rises_with_the_level() -> None:
    frames = np.stack(list(noise(96, 64, 24))).astype(float)
    changes = (frames[1:] - frames[:-1]) / math.sqrt(2)
    levels = frames.mean(axis=0)
    flat = np.abs(np.gradient(levels, axis=1)) < 4  # where the pan changes little
    dark, bright = (changes[:, flat & found].std() for found in (levels < 90, levels > 140))
    assert 2 < dark < bright < 9


def test_a_size_is_two_even_sides() -> None:
    assert size_of("640x360") == (640, 360)
    for wrong in ("640", "640x361", "14x16", "640x99998", "axb", "-16x16"):
        with pytest.raises(RequestError, match="a size is WIDTHxHEIGHT"):
            size_of(wrong)


@pytest.mark.parametrize("kind", ["ffv1", "y4m"])
def test_sequences_as_files_come_back_as_sources(tmp_path: Path, kind: str) -> None:
    frames = clip("scroll", 6)
    path = tmp_path / f"scroll.{kind}"
    write_sequence(path.with_suffix(".mkv" if kind == "ffv1" else ".y4m"), iter(frames), kind)
    (source,) = folder_sources(f"mine={tmp_path}", 4)
    info = source.survey()
    assert (info.dataset, info.name, info.width, info.height, info.frames) == ("mine", "scroll", 48, 32, 4)
    assert info.rate == "25" and [each.name for each in tmp_path.iterdir()] == [info.origin]
    errors = [difference(one, other) for one, other in zip(frames, source.frames(), strict=False)]
    assert len(errors) == 4 and max(errors) < (0.01 if kind == "ffv1" else 6)


# Sources


def test_own_sources_and_their_surveys_differ_by_what_is_coded() -> None:
    assert [source.name for source in own_sources(SIZE, 4)] == list(MADE)
    assert [source.name for source in own_sources(SIZE, 4, ("noise", "scroll"))] == ["scroll", "noise"]
    with pytest.raises(RequestError, match="no sequence is called foreman; there are pan-zoom, "):
        own_sources(SIZE, 4, ("foreman",))
    digests = {Video(OWN, "noise", frames, size=size).survey().pixels for frames in (3, 4) for size in (SIZE, (50, 32))}
    assert len(digests) == 4


def test_folders_of_videos(tmp_path: Path) -> None:
    for wrong, kind, words in (
        ("missing", FileAccessError, "No such file"),
        ("..=" + str(tmp_path), RequestError, "cannot have the name"),
    ):
        with pytest.raises(kind, match=words):
            folder_sources(wrong, 4)
    with pytest.raises(RequestError, match="no videos in"):
        folder_sources(str(tmp_path), 4)
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "a.y4m").write_bytes(b"")
    (tmp_path / "notes.txt").touch()
    with pytest.warns(WispNote, match="1 files of .* are no videos by their ending"):
        found = folder_sources(str(tmp_path), 4)
    assert [source.name for source in found] == ["a.mp4", "a.y4m"]
    for source in found:
        with pytest.raises(FileAccessError, match=source.name):
            source.survey()
    write_sequence(tmp_path / "a.mp4", iter(clip(frames=1)), "ffv1")
    with pytest.raises(CorruptError, match="has 1 frames, and 2 are the least"):
        found[0].survey()


# Raw clips


def test_raw_clips_hold_planes_of_the_picture_benchmark(tmp_path: Path) -> None:
    frames = [frame[:31, :45] for frame in clip()]  # odd sides
    for layout in ("rgb24", "yuv420p"):
        raw = RawClip(tmp_path / layout, layout, 45, 31, len(frames), Fraction(25))
        write_raw(raw.path, frames, layout)
        assert raw.path.stat().st_size == raw.bytes
        wanted = frames if layout == "rgb24" else [to_pixels(to_planes(frame, subsampled=True)) for frame in frames]
        assert all(np.array_equal(one, other) for one, other in zip(raw.pixels(), wanted, strict=True))
    raw.path.write_bytes(raw.path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="ends within frame 3"):
        list(raw.pixels())


# Measures


def darker(frame: Pixels) -> Pixels:
    """At half the brightness."""
    half: Pixels = frame >> np.uint8(1)
    return half


def measured(names: tuple[str, ...], pairs: list[tuple[Pixels, Pixels]], folder: Path) -> dict[str, float]:
    measures, absent = open_measures(names)
    assert not absent
    for measure in measures:
        measure.begin(folder)
        for pair in pairs:
            measure.add(*pair)
    return {measure.info.id: measure.value() for measure in measures}


def test_measures_are_means_over_the_frames(tmp_path: Path) -> None:
    frames = clip()
    pairs = [(frame, darker(frame) + np.uint8(number)) for number, frame in enumerate(frames)]
    found = measured(("psnr", "psnr-yuv611", "ms-ssim"), pairs, tmp_path)
    assert found["psnr"] == pytest.approx(np.mean([psnr(*pair) for pair in pairs]))
    assert found["psnr-yuv611"] == pytest.approx(np.mean([psnr_yuv611(*pair) for pair in pairs]))
    index = np.mean([ms_ssim(*pair) for pair in pairs])
    assert found["ms-ssim"] == pytest.approx(-10 * math.log10(1 - index))


def test_exact_frames_count_with_a_limit_and_exact_clips_are_infinite(tmp_path: Path) -> None:
    one, other = clip(frames=2)
    half = measured(("psnr", "ms-ssim"), [(one, one), (other, one)], tmp_path)
    assert half["psnr"] == pytest.approx((MOST_DB + psnr(other, one)) / 2)
    assert half["ms-ssim"] == pytest.approx(-10 * math.log10((1 - ms_ssim(other, one)) / 2), rel=1e-4)
    assert set(measured(("psnr", "psnr-yuv611", "ms-ssim"), [(one, one)], tmp_path).values()) == {math.inf}


_FAKE_VMAF = f"""#!{sys.executable}
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
if arguments == ["--version"]:
    sys.exit(print("9.8.7 (fake)"))
rest = arguments[6:]
if rest != ["--json", "--quiet", "--threads", "3"]:
    sys.exit(f"vmaf: bad arguments {{rest}}")
given = dict(zip(arguments[:6:2], arguments[1:6:2]))
one, two = (Path(given[name]).read_bytes() for name in ("--reference", "--distorted"))
assert one.startswith(b"YUV4MPEG2 W48 H32 F25:1 Ip A1:1 C420jpeg\\n") and len(one) == len(two)
if one == two:
    sys.exit("vmaf: starting\\nvmaf: nothing to do")
frames = one.count(b"FRAME\\n")
Path(given["--output"]).write_text(json.dumps({{"pooled_metrics": {{"vmaf": {{"mean": 90 + frames}}}}}}))
"""


def test_vmaf_by_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.filter.filters_available", set())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AbsentError, match="no program vmaf is on the PATH"):
        vmaf.open_vmaf(INFOS["vmaf"], 1)
    (_, absent) = open_measures(("psnr", "vmaf"))
    assert [(each.id, each.what, bool(each.remedy)) for each in absent] == [("vmaf", "measure", True)]
    (tmp_path / "vmaf").write_text(_FAKE_VMAF)
    (tmp_path / "vmaf").chmod(0o755)
    measure = vmaf.open_vmaf(INFOS["vmaf"], 3)
    assert measure.version == "9.8.7 (fake)"
    for _ in range(2):  # the second clip does not go on in the files of the first
        measure.begin(tmp_path)
        for frame in clip():
            measure.add(frame, darker(frame))
        assert measure.value() == 94
    measure.begin(tmp_path)
    measure.add(clip()[0], clip()[0])
    with pytest.raises(RuntimeError, match="nothing to do"):
        measure.value()


def test_vmaf_by_a_filter_gives_both_clips_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's psnr stands in for libvmaf, which its wheels lack: both take two inputs and write a file."""
    measure = vmaf.FilterVmaf(INFOS["vmaf"], 1)

    def with_psnr(name: str, arguments: str, first: Path, second: Path) -> None:
        assert name == "libvmaf" and arguments.startswith("log_fmt=json:log_path=")
        assert [first.name, second.name] == ["shown.y4m", "reference.y4m"]  # as libvmaf wants them
        stats = tmp_path / "stats"
        filter_two("psnr", f"stats_file={stats}", first, second)
        found = [float(line.split("mse_y:")[1].split()[0]) for line in stats.read_text().splitlines()]
        (tmp_path / "vmaf.json").write_text(json.dumps({"pooled_metrics": {"vmaf": {"mean": np.mean(found)}}}))

    filter_two = vmaf.filter_two
    monkeypatch.setattr(vmaf, "filter_two", with_psnr)
    measure.begin(tmp_path)
    errors = []
    for frame in clip():
        measure.add(frame, darker(frame))
        errors.append(_mse(vmaf.luma(frame), vmaf.luma(darker(frame))))
    assert measure.value() == pytest.approx(np.mean(errors), abs=0.01)


def _mse(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.square(one.astype(float) - other).mean())


def test_unknown_measures_are_refused() -> None:
    with pytest.raises(RequestError, match="no measure is called niqe; there are psnr, "):
        open_measures(("niqe",))
    assert set(OF_CLIPS) <= set(INFOS)


# Names


def test_names_of_frames_come_apart() -> None:
    assert sequence_and_frame(frame_name("a, frame 3", 12, 20)) == ("a, frame 3", 12)
    for wrong in ("pan-zoom", "a, frame ", "a, frame x"):
        with pytest.raises(ValueError, match="names no frame"):
            sequence_and_frame(wrong)
