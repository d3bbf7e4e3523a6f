"""`wisp bench video`: runs that go on, what is absent or fails, tables and files, with toy codecs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.codecs.interface import INTRA, PREDICTED
from benchmarks.rd.results import FILE_NAME
from benchmarks.sequences import MADE, write_sequence
from tests.support.bench_video_toys import SMALL, ToyVideo, bench, results, rows, stay_here, timeless, toys


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stay_here(monkeypatch, tmp_path)


# What comes out


def test_a_video_run_leaves_results_and_everything_made_of_them() -> None:
    status, out, err = bench("--no-viewer")
    assert (status, err) == (0, []) and out.endswith("report: out/report.html\n")
    curves = {f"compressai/wisp-sequences-{name}.json" for name in toys()}
    files = {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()}
    assert files - {".lock"} == {FILE_NAME, "sequences.json", "results.csv", "bd.csv", "report.html", *curves}
    points = results().points
    assert len(points) == 3 * 3 * 6 and {p.image for p in points} == set(MADE)
    for point, row in zip(points, rows("results.csv"), strict=True):
        assert (row["sequence"], row["codec"], int(row["bytes"])) == (point.image, point.codec, point.bytes)
        assert point.bpp == 8 * point.bytes / (48 * 32 * 4)
        assert float(row["kbit_per_s"]) == pytest.approx(8 * point.bytes * 25 / 4 / 1000, rel=1e-5)
        assert float(row["encode_fps"]) == pytest.approx(4 / point.encode_seconds, rel=1e-5)
        assert (row["frames"], row["rate"], row["width"], row["height"]) == ("4", "25", "48", "32")
        assert row["prediction"] == (PREDICTED if point.codec == "x264-medium" else INTRA)
        assert float(row["psnr"]) == point.measures["psnr"]
    curve = json.loads(Path("out/compressai/wisp-sequences-wisp.json").read_text())
    assert curve["description"] == "toy 1; 3 sequences, all intra" and len(curve["results"]["bpp"]) == 6


def test_tables_say_the_prediction_and_have_both_anchors() -> None:
    _, out, _ = bench("--no-viewer", "--measures", "psnr,ms-ssim")
    assert out.index("BD-rate against x264-medium in percent") < out.index(
        "BD-rate against x264-medium-intra in percent"
    )
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    wanted = {("Toy x264-medium", PREDICTED), ("Toy x264-medium-intra", INTRA), ("Toy wisp", INTRA)}
    assert {(row[0], row[1]) for row in cells} == wanted
    (sequences,) = [line for line in out.splitlines() if "noise" in line and "pan-zoom" in line][:1]
    assert sequences.index("noise") < sequences.index("pan-zoom") < sequences.index("scroll")
    found = {
        (r["measure"], r["anchor"], r["codec"], r["sequence"]): float(r["bd_rate_percent"]) for r in rows("bd.csv")
    }
    own = [found["psnr", "x264-medium", "wisp", name] for name in MADE]
    assert found["psnr", "x264-medium", "wisp", "(mean of sequences)"] == pytest.approx(np.mean(own), abs=1e-3)
    assert ("ms-ssim", "x264-medium-intra", "wisp", "(averaged curves)") in found
    assert found["psnr", "x264-medium-intra", "wisp", "scroll"] == pytest.approx(0, abs=0.1)  # the same toy


def test_a_finished_point_is_not_made_again() -> None:
    assert bench("--no-viewer", "--sequences", "scroll,noise")[0] == 0
    first = results().points
    Path("log").unlink()
    status, _, err = bench("--no-viewer", "--sequences", "scroll,noise")
    assert (status, err) == (0, [f"wisp: bench video: {len(first)} points are there already, 0 to do"])
    assert results().points == first and not Path("log").exists()


def test_a_killed_run_goes_on() -> None:
    assert bench("--no-viewer", "--sequences", "scroll")[0] == 0
    first = results().points
    path = Path("out", FILE_NAME)
    path.write_bytes(path.read_bytes()[:-40])  # as it is killed while it writes
    Path("log").unlink()
    assert bench("--no-viewer", "--sequences", "scroll")[0] == 0
    assert len(Path("log").read_text().splitlines()) == 1 and timeless(results().points) == timeless(first)


def test_another_version_measure_or_sequence_makes_points_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    bench("--no-viewer", "--sequences", "scroll")

    def made(*arguments: str, small: Sequence[str] = SMALL) -> int:
        Path("log").unlink()
        Path("log").touch()
        assert bench("--no-viewer", "--sequences", "scroll", *arguments, small=small)[0] == 0
        return len(Path("log").read_text().splitlines())

    assert made("--measures", "psnr-yuv611") == 18 and made("--measures", "psnr-yuv611") == 0
    assert made(small=("--size", "48x32", "--frames", "5", *SMALL[4:])) == 18
    assert {info["frames"] for info in json.loads(Path("out/sequences.json").read_text())} == {5}
    newer = {**toys(), "wisp": ToyVideo("wisp", version="toy 2")}
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", lambda: newer)
    assert made(small=("--size", "48x32", "--frames", "5", *SMALL[4:])) == 6
    assert {p.version for p in results().points if p.codec == "wisp"} == {"toy 2"} and len(results().points) == 18


def test_quick_is_four_qualities_of_small_sequences() -> None:
    brief = ("--no-viewer", "--quick", "--sequences", "noise", "--codecs", "wisp", "--measures", "psnr")
    assert bench(*brief, small=SMALL[4:])[0] == 0
    points = results().points
    assert {(p.width, p.height) for p in points} == {(320, 180)} and {p.quality for p in points} == {1, 3, 4, 6}
    assert json.loads(Path("out/sequences.json").read_text())[0]["frames"] == 24


def test_videos_of_folders_are_sets_of_their_own() -> None:
    Path("clips").mkdir()
    for name in ("one", "two"):
        write_sequence(Path("clips", f"{name}.mkv"), MADE["scroll"](48, 32, 9), "ffv1")
    Path("clips", "bad.mp4").write_bytes(b"no video")
    status, out, err = bench("--no-viewer", "--videos", "clips", "--codecs", "wisp,x264-medium")
    assert status == 0 and len(err) == 1 and err[0].startswith("wisp: bench video: left out: clips/bad.mp4: ")
    assert {(p.dataset, p.image) for p in results().points} == {("clips", "one"), ("clips", "two")}
    assert "clips, 2 sequences: BD-rate against x264-medium" in " ".join(out.split())
    assert bench("--no-viewer", "--videos", "again=clips", "--sequences", "scroll", "--codecs", "wisp")[0] == 0
    assert {p.dataset for p in results().points} == {"clips", "again", "wisp-sequences"}


def test_progress_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", lambda: toys(lost="absent"))
    monkeypatch.setattr("cli.progress._SECONDS_BETWEEN", 0.0)
    status, _, err = bench("--no-viewer", "--sequences", "noise", "--codecs", "wisp,lost", "--progress", "json")
    told, *events = [json.loads(line) for line in err]
    assert status == 0 and told["event"] == "message" and "absent: Toy lost" in told["text"]
    assert [(event["event"], event["done"], event["total"]) for event in events] == [
        ("progress", n, 6) for n in range(1, 7)
    ]


# What is not there, and what fails


def test_absent_codecs_are_listed_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", lambda: toys(lost="absent"))
    status, _, err = bench("--no-viewer", "--sequences", "noise")
    assert status == 0 and err == [
        "wisp: bench video: absent: Toy lost, predicted: libtoy is not installed; apt install libtoy"
    ]
    assert [a.id for a in results().runs[0].absent] == ["lost"] and len(results().points) == 18
    assert "apt install libtoy" in Path("out/report.html").read_text()


def test_failing_points_are_recorded_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", lambda: toys(faulty="encode", short="short"))
    status, out, err = bench("--no-viewer", "--sequences", "noise")
    assert status == 1 and "report: out/report.html" in out
    assert err[:2] == [
        "wisp: bench video: faulty failed on wisp-sequences/noise at 3: out of bits",
        "wisp: bench video: short failed on wisp-sequences/noise at 1: 2 frames (9216 bytes) came back as 4608 bytes",
    ]
    assert err[-1] == "wisp: bench video: points that failed: 7; the same command tries them again"
    assert len(results().points) == 3 * 6 + 5
    Path("healed").touch()
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", lambda: toys(faulty="encode"))
    assert bench("--no-viewer", "--sequences", "noise")[0] == 0
    assert len(results().points) == 4 * 6


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--codecs", "wisp,h261"], 2, "no codec is called h261; there are x264-medium, "),
        (["--codecs", ","], 2, "name at least one"),
        (["--sequences", "foreman"], 2, "no sequence is called foreman; there are pan-zoom, scroll, noise"),
        (["--sequences", "none"], 2, "nothing to code"),
        (["--size", "47x32"], 2, "a size is WIDTHxHEIGHT"),
        (["--frames", "1"], 2, "1 is not in the range"),
        (["--measures", "niqe"], 2, "no measure is called niqe; there are psnr, "),
        (["--anchor", "h261"], 2, "no codec is called h261"),
        (["--anchor", "x264-medium", "--codecs", "wisp"], 2, "the anchor x264-medium is not among wisp"),
        (["--videos", "missing"], 8, "missing: No such file"),
        (["--videos", "."], 2, "no videos in"),
        (["-o", "file"], 8, "File exists"),
    ],
)
def test_wrong_words_of_bench_video_are_one_line(arguments: list[str], status: int, words: str) -> None:
    Path("file").touch()
    found, out, err = bench(*arguments)
    assert (found, out) == (status, "") and words in err[-1] and "Traceback" not in "\n".join(err)
    assert not Path("out", FILE_NAME).exists()


def test_a_broken_list_of_sequences_is_one_line() -> None:
    bench("--no-viewer", "--sequences", "noise")
    for text in ("[", '[{"dataset": "a"}]', "[1]"):
        Path("out/sequences.json").write_text(text)
        status, out, err = bench("--no-viewer", "--sequences", "noise")
        assert (status, out, len(err)) == (5, "", 1) and "sequences.json: no list of sequences" in err[0]
