"""`wisp bench rd` as a user calls it: outputs, wrong words, failures."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.rd.choose import chosen_codecs, chosen_measures
from benchmarks.rd.results import FILE_NAME, LOCK_NAME
from bitstream.errors import RequestError
from tests.support.bench_codecs import Faulty, Toy, live_release, one_process, picture_folder, timeless
from tests.support.bench_runner import BRIEF, rd, results
from tests.support.cli_runner import invoke, succeed

JPEG_POINTS = 10  # a picture


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run in an empty folder, and the benchmark within this process."""
    monkeypatch.chdir(tmp_path)
    with one_process():
        yield


# What comes out


def test_a_run_leaves_results_and_everything_made_of_them() -> None:
    picture_folder(Path("pictures"))
    status, out, err = rd(codecs="jpeg420,jpeg444,webp")
    assert (status, err) == (0, []) and out.endswith("report: out/report.html\n")
    assert {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()} == {
        FILE_NAME, LOCK_NAME, "results.csv", "report.html",
        "compressai/set-jpeg420.json", "compressai/set-jpeg444.json", "compressai/set-webp.json",
    }  # fmt: skip
    points, used = results().points, chosen_codecs(["jpeg420", "jpeg444", "webp"], (), slow=False)
    assert len(points) == 2 * sum(len(codec.qualities) for codec in used)
    with Path("out/results.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [(r["image"], r["codec"], float(r["quality"]), int(r["bytes"]), float(r["psnr"])) for r in rows] == [
        (p.image, p.codec, p.quality, p.bytes, p.measures["psnr"]) for p in points
    ]
    assert "set, 2 pictures: BD-rate against jpeg420" in " ".join(out.split()) and "JPEG 4:4:4" in out and "WebP" in out
    assert "<html" in Path("out/report.html").read_text("utf-8").lower()
    again = rd(codecs="jpeg420,jpeg444,webp")
    assert again == (0, out, [f"wisp: bench rd: {len(points)} points are there already, 0 to do"])
    assert results().points == points


def test_kept_files_are_the_bytes_of_their_rows() -> None:
    picture_folder(Path("pictures"))
    assert rd("--keep", codecs="jpeg420,webp")[0] == 0
    points = results().points
    assert points and len({p.file for p in points}) == len(points)
    for p in points:
        path = Path("out", str(p.file))
        assert path.stat().st_size == p.bytes and Image.open(path).size == (p.width, p.height) == (32, 24)


def test_quick_is_four_pictures_at_four_qualities() -> None:
    picture_folder(Path("pictures"), "abcdef")
    assert rd("--quick", codecs="jpeg420,webp")[0] == 0
    for codec in ("jpeg420", "webp"):
        points = [p for p in results().points if p.codec == codec]
        assert len(points) == 16 and len({p.image for p in points}) == len({p.quality for p in points}) == 4


def test_resized_to_a_side() -> None:
    picture_folder(Path("pictures"), "a", 300, 250)
    assert rd("--resize", "224")[0] == 0
    assert {(p.width, p.height) for p in results().points} == {(224, 224)}
    assert rd()[0] == 0  # another picture, by its pixels
    assert {(p.width, p.height) for p in results().points} == {(250, 300)} and len(results().points) == JPEG_POINTS


def test_sets_are_tables_of_their_own() -> None:
    for name in ("one", "two"):
        picture_folder(Path(name), "ab")
    status, out, _ = rd("--images", "two", images="one")
    assert status == 0 and out.index("one, 2 pictures") < out.index("two, 2 pictures")
    assert {path.name for path in Path("out/compressai").iterdir()} == {"one-jpeg420.json", "two-jpeg420.json"}


def test_jobs_and_threads_are_on_record_and_change_nothing_else() -> None:
    picture_folder(Path("pictures"))
    rd("--jobs", "2", "--threads", "2")
    points = results().points
    assert {(p.threads, p.jobs) for p in points} == {(2, 2)}
    Path("out", FILE_NAME).unlink()
    rd("--jobs", "1", "--threads", "2")
    assert timeless(results().points) == timeless(points)


def test_pictures_of_the_viewer() -> None:
    picture_folder(Path("pictures"), "a", 96, 96)
    assert rd("--viewer-bpp", "0.75", codecs="jpeg420")[0] == 0 and not results().equal  # --no-viewer
    done = succeed("bench", "rd", "--images", "set=pictures", "-o", "out", "--codecs", "jpeg420", "--measures", "psnr",
                   "--viewer-bpp", "0.75")  # fmt: skip
    assert done.exit_code == 0
    assert [(e.codec, e.target_bpp) for e in results().equal] == [("original", 0.75), ("jpeg420", 0.75)]
    assert all(Path("out", e.file).is_file() and Path("out", e.shown).is_file() for e in results().equal)


def test_the_live_release() -> None:
    live_release(Path("release"))
    status, out, err = rd("--live-root", "release", "--quick", codecs="jpeg420,wisp-e1")
    assert (status, err) == (0, [])
    points = results().points
    assert sorted((p.dataset, p.image, p.bpp) for p in points if p.codec == "live-jpeg") == [
        ("live", "house", 0.2), ("live", "house", 0.8453), ("live", "woman", 1.5),
        ("live-restored", "house-img3", 0.8453), ("live-restored", "house-img7", 0.2),
        ("live-restored", "woman-img9", 1.5)
    ]  # fmt: skip
    assert {(p.dataset, p.codec) for p in points} == {
        ("live", "jpeg420"), ("live", "wisp-e1"), ("live", "live-jpeg"), ("live-restored", "wisp-e1"),
        ("live-restored", "live-jpeg")
    }  # fmt: skip
    assert "live, 2 pictures" in out and "live-restored, 3 pictures: BD-rate against" in out
    assert rd("--live-root", "release", "--quick", codecs="jpeg420,wisp-e1")[2] == [
        f"wisp: bench rd: {len(points)} points are there already, 0 to do"
    ]


def test_a_broken_list_of_the_release() -> None:
    root = live_release(Path("release"))
    with (root / "jpeg" / "info.txt").open("a") as listing:
        listing.write("house.bmp img8.bmp many\n")
    status, out, err = rd("--live-root", "release")
    assert (status, out, len(err)) == (5, "", 1) and "info.txt, line 5: not a reference" in err[0]
    assert not Path("out").exists()


def test_a_curve_goes_out_and_comes_back_as_itself() -> None:
    picture_folder(Path("pictures"))
    rd("--measures", "psnr,ms-ssim")
    status, out, _ = rd("--measures", "psnr,ms-ssim", "--curve", "Mine=out/compressai/set-jpeg420.json")
    assert status == 0
    row = next(line for line in out.splitlines() if "published Mine" in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[1:4] == ["+0.0", "-", "100%"]  # of PSNR; it has no picture of its own
    assert abs(float(cells[4])) < 5  # of MS-SSIM, whose mean is of the index there and of decibels here
    assert "Mine" in Path("out/report.html").read_text("utf-8")


# What is not there


def test_without_a_path_programs_are_absent_and_the_rest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    picture_folder(Path("pictures"), "a", 64, 64)
    monkeypatch.setenv("PATH", "")
    done = succeed(
        "bench", "rd", "--images", "set=pictures", "-o", "out", "--quick", *BRIEF, "--measures", "psnr,dssim"
    )
    absent = results().runs[0].absent
    assert {"mozjpeg", "dssim"} <= {a.id for a in absent}
    assert done.stderr.splitlines() == [f"wisp: bench rd: absent: {a.title}: {a.reason}; {a.remedy}" for a in absent]
    assert all(a.reason and a.remedy for a in absent)
    assert {"jpeg420", "jpeg444", "webp", "avif", "wisp-e1", "wisp-e4"} <= {p.codec for p in results().points}
    assert not results().failures and not {p.codec for p in results().points} & {"wisp-e5", "wisp-e7", "wisp-e9"}


def test_what_is_no_picture_is_left_out() -> None:
    folder = picture_folder(Path("pictures"), "abc")
    (folder / "notes.txt").write_text("no picture")
    (folder / "b.png").write_bytes(b"broken")
    status, out, err = rd()
    assert status == 0 and "set, 2 pictures" in out and {p.image for p in results().points} == {"a", "c"}
    assert err[0] == "wisp: bench rd: note: 1 files of pictures are no pictures by their ending and left out"
    assert err[1].startswith("wisp: bench rd: left out: pictures/b.png: ") and len(err) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--images", "empty"], 2, "no pictures in empty"),
        (["--images", "missing"], 8, "missing: No such file"),
        (["--images", "set=pictures"], 2, "two sets are called set"),
        (["--live-root", "pictures"], 8, "not the LIVE release"),
        (["--codecs", "jpeg420,jpg"], 2, "no codec is called jpg; there are jpeg420, "),
        (["--codecs", "wisp-e0"], 2, "no codec is called wisp-e0; there are "),
        (["--codecs", ","], 2, "name at least one"),
        (["--measures", "psnr,vmaf"], 2, "no measure is called vmaf; there are psnr, "),
        (["--efforts", "4,10"], 2, "10 is no effort: 1 to 9"),
        (["--efforts", "high"], 2, "high is no effort: 1 to 9"),
        (["--resize", "0"], 2, "0 is not in the range"),
        (["--jobs", "0"], 2, "0 is not in the range"),
        (["--curve", "elic.json"], 2, "NAME=FILE"),
        (["--curve", "A=missing.json"], 8, "missing.json"),
        (["--curve", "A=pictures/a.png"], 5, "a.png is not JSON"),
        (["-o", "pictures/a.png"], 8, "File exists"),
    ],
)
def test_wrong_words_are_one_line_before_anything_is_done(arguments: list[str], status: int, words: str) -> None:
    picture_folder(Path("pictures"))
    Path("empty").mkdir()
    found, out, err = rd(*arguments)
    assert (found, out) == (status, "") and words in err[-1] and "Traceback" not in "\n".join(err)
    assert not Path("out", FILE_NAME).exists()


def test_codecs_measures_and_efforts_by_name() -> None:
    def ids(*names: str, efforts: tuple[int, ...] = (1, 4), slow: bool = False) -> list[str]:
        return [codec.id for codec in chosen_codecs(names, efforts, slow=slow)]

    default = ids()
    assert default[0] == "jpeg420" and default[-2:] == ["wisp-e1", "wisp-e4"]
    assert not any(codec.slow for codec in chosen_codecs((), (1, 4), slow=False))
    assert ids(slow=True)[-5:] == ["wisp-e1", "wisp-e4", "wisp-e5", "wisp-e7", "wisp-e9"]
    assert ids(efforts=(2, 6))[-2:] == ["wisp-e2", "wisp-e6"]  # asked for: slow or not
    assert ids("wisp-e3", "webp", "wisp-e8", "jpeg420") == ["jpeg420", "webp", "wisp-e3", "wisp-e8"]
    assert chosen_measures(()) == ("psnr", "psnr-yuv611", "ssim", "ms-ssim")
    assert chosen_measures(("lpips", "psnr")) == ("psnr", "lpips") and len(chosen_measures(("all",))) == 9
    with pytest.raises(RequestError, match="wisp-e10"):
        ids("wisp-e10")


def test_packages_that_the_table_needs_are_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bjontegaard", None)
    picture_folder(Path("pictures"))
    status, _, err = rd()
    assert status == 6 and len(err) == 1
    assert "wisp: bench rd: bjontegaard is needed" in err[0] and "pip install 'wisp-codec[bench]'" in err[0]
    assert not Path("out").exists() and invoke("bench", "bd", "out").exit_code == 6


def test_an_anchor_that_does_not_take_part_is_refused_first() -> None:
    picture_folder(Path("pictures"))
    for anchor, words in (("webp", "the anchor webp is not among jpeg420"), ("vvc", "the anchor vvc is not")):
        status, out, err = rd("--anchor", anchor, codecs="jpeg420")
        assert (status, out, len(err)) == (2, "", 1) and words in err[0]
    assert rd(codecs="webp")[0] == 0
    assert "BD-rate against webp" in " ".join(rd("--anchor", "webp", codecs="jpeg420")[1].split())  # it has points


# What fails


def test_failed_points_are_a_line_each_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    picture_folder(Path("pictures"))
    healed = Path("healed").absolute()
    faulty = Faulty("raise", id="faulty", healed=healed)
    monkeypatch.setattr("benchmarks.rd.choose.catalog", lambda **_: {"jpeg420": Toy("jpeg420"), "faulty": faulty})
    for there in ([], ["wisp: bench rd: 14 points are there already, 2 to do"]):
        status, out, err = rd(codecs="jpeg420,faulty")
        assert status == 1 and "report: out/report.html" in out
        assert err == [
            *there,
            "wisp: bench rd: faulty failed on set/a at 3: out of bits",  # and on set/b, which is not told
            "wisp: bench rd: points that failed: 2; the same command tries them again",
        ]
    assert rd(codecs="jpeg420")[0] == 0  # nothing of this one failed
    healed.touch()
    assert rd(codecs="jpeg420,faulty")[0] == 0
    assert len(results().points) == 16 and not results().failures


def test_a_broken_results_file_is_left_alone() -> None:
    picture_folder(Path("pictures"))
    rd()
    path = Path("out", FILE_NAME)
    path.write_bytes(path.read_bytes().replace(b'"kind": "point"', b'"kind": "pint"', 1))
    before = path.read_bytes()
    status, out, err = rd()
    assert (status, out) == (5, "") and "results.jsonl, line 2: " in err[0] and path.read_bytes() == before
    assert invoke("bench", "bd", "out").exit_code == 5
