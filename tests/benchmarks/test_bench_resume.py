"""The results file, and what a second run makes again of it: nothing that still holds, everything that does not."""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.rd.records import Curve, EqualSize, Failure, Point, Record, Run, from_line, to_line
from benchmarks.rd.results import FILE_NAME, LOCK_NAME, ResultsFile, read_results
from bitstream.errors import CorruptError, FileAccessError
from tests.benchmarks.test_bench_bd import point
from tests.support.bench_codecs import Heard, Toy, bench, live_release, paint, picture_samples, timeless

RUN = Run("2025-01-01T00:00:00+00:00", "wisp bench rd", {"cores": "2"}, {"numpy": "1"}, 1, 1, (), {"psnr": "1"}, ())
EQUAL = EqualSize("set", "x", "0" * 16, 0.5, "toy", "1", "quality 3", 9, 0.5, {"psnr": math.inf}, "a.toy", "a.png")
FAILURE = Failure("set", "köln", "toy", 3, "RuntimeError: out of bits")
POINT = point("toy", "x", 3, 0.5, psnr=30.0)
CURVE = Curve("ELIC", "elic.json", (0.1, 0.2), {"psnr": (30.0, 32.0)})


# The file


def test_every_record_comes_back_from_its_line() -> None:
    for record in (RUN, point("a", 'x"\n', 2.5, 1 / 3, psnr=math.inf, ssim=0.1), EQUAL, FAILURE, CURVE):
        line = to_line(record)
        assert "\n" not in line and json.loads(line)["kind"] == record.kind
        assert from_line(line) == record


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    points = [point("a", image, 1, 0.5, psnr=30) for image in "cab"]
    records: list[Record] = [RUN, points[0], CURVE, FAILURE, *points[1:], EQUAL, replace(CURVE, bpp=(0.3, 0.4))]
    with ResultsFile(tmp_path / FILE_NAME) as file:
        for record in records:
            file.write(record)
            assert read_results(file.path) == file.results  # handed to the system at once
    found = read_results(tmp_path / FILE_NAME)
    assert (found.runs, found.points, found.failures, found.equal) == ([RUN], points, [FAILURE], [EQUAL])
    assert [curve.bpp for curve in found.curves] == [(0.3, 0.4)]  # the last of its name


@pytest.mark.parametrize("record", [point("a", "köln", 1, 0.5, psnr=30), RUN])
def test_a_last_line_cut_anywhere_is_passed_over(record: Any, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    whole = f"{to_line(FAILURE)}\n".encode()
    line = to_line(record).encode()
    for length in range(len(line)):
        path.write_bytes(whole + line[:length])
        assert [*read_results(path).records()] == [FAILURE], line[:length]
    path.write_bytes(whole + line)  # nothing but its end is missing
    assert [*read_results(path).records()] == ([RUN, FAILURE] if record is RUN else [record, FAILURE])


def test_writing_goes_on_after_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(f"{to_line(FAILURE)}\n".encode() + to_line(EQUAL).encode()[:40])
    with ResultsFile(path) as file:
        file.write(RUN)
    assert path.read_text("utf-8") == f"{to_line(FAILURE)}\n{to_line(RUN)}\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == [LOCK_NAME, FILE_NAME]


def test_two_runs_cannot_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with ResultsFile(path) as first:
        first.write(RUN)
        with pytest.raises(FileAccessError, match="in use by another run"):
            ResultsFile(path)
        first.write(FAILURE)
    with ResultsFile(path) as second:
        assert [*second.results.records()] == [RUN, FAILURE]


def test_a_name_that_is_no_utf_8_comes_back(tmp_path: Path) -> None:
    odd = replace(FAILURE, image=os.fsdecode(b"bad\xff"))
    for _ in range(2):
        with ResultsFile(tmp_path / FILE_NAME) as file:
            file.write(odd)
    assert read_results(tmp_path / FILE_NAME).failures == [odd, odd]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("bpp", "NaN", "NaN is no number"), ("bpp", "1e999", "bpp cannot be inf"), ("bpp", "-1", "bpp must be above 0"),
        ("bpp", '"a"', "bpp cannot be 'a'"), ("bpp", "null", "bpp cannot be None"), ("bytes", "0", "bytes must"),
        ("bytes", "1.5", "bytes cannot be 1.5"), ("bytes", "true", "bytes cannot be True"), ("width", "[]", "width"),
        ("quality", "null", "quality cannot be None"), ("options", "3", "options cannot be"), ("image", "[1]", "image"),
        ("measures", '{"psnr": "abc"}', "measures psnr cannot be 'abc'"), ("dataset", '"../up"', "dataset cannot be"),
        ("codec", '"a/b"', "codec cannot be"), ("codec", '""', "codec cannot be"), ("colour", "1", "unknown field"),
        ("encode_seconds", "1e300", "encode_seconds"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named_with_its_line(field: str, value: str, words: str, tmp_path: Path) -> None:
    point = json.loads(to_line(POINT))
    text = json.dumps({**point, field: "HERE"}).replace('"HERE"', value)
    (tmp_path / FILE_NAME).write_text(f"{to_line(RUN)}\n{text}\n")
    with pytest.raises(CorruptError, match=f"line 2: .*{words}"):
        read_results(tmp_path / FILE_NAME)


def test_a_field_that_is_missing_is_named(tmp_path: Path) -> None:
    point = json.loads(to_line(POINT))
    del point["bpp"]
    (tmp_path / FILE_NAME).write_text(f"{json.dumps(point)}\n")
    with pytest.raises(CorruptError, match="line 1: missing field 'bpp'"):
        read_results(tmp_path / FILE_NAME)


@pytest.mark.parametrize(
    "line",
    ["{", "x", "[]", "3", "{}", '{"kind": "pint"}', '{"kind": "failure"}', '{"kind": "run", "x": 1}', "\xff", "\0"],
)
def test_any_other_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(f"{to_line(FAILURE)}\n\n".encode() + line.encode("latin-1") + f"\n{to_line(RUN)}\n".encode())
    before = path.read_bytes()
    for read in (read_results, ResultsFile):
        with pytest.raises(CorruptError, match=f"{FILE_NAME}, line 3: "):
            read(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"a letter to a friend", b"\x89PNG\r\n\x1a\n\0", b"[1, 2]", b'{"bpp": 1'])
def test_what_never_was_a_results_file_is_not_taken_for_a_cut_one(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=FILE_NAME):
        ResultsFile(path)
    assert path.read_bytes() == content


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="missing"):
        read_results(tmp_path / "missing.jsonl")
    with pytest.raises(FileAccessError):
        ResultsFile(tmp_path / "missing" / FILE_NAME)
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(FileAccessError):
        ResultsFile(tmp_path / FILE_NAME)


# What is made again


class Bench:
    """Two toy codecs on two pictures into one folder, and how often they encoded in each run."""

    def __init__(self, folder: Path) -> None:
        self.out, self.log, self.pictures = folder / "out", folder / "log", folder / "pictures"
        self.samples = picture_samples(self.pictures)
        self.codecs = [Toy("one", log=self.log), Toy("two", log=self.log)]

    def run(self, **given: Any) -> tuple[list[Point], list[tuple[str, str, str, float]]]:
        """All points, and the keys of those that this run made (each file was encoded, the first of a codec twice)."""
        self.log.unlink(missing_ok=True)
        before = {p.key: p for p in read_results(self.out / FILE_NAME).points} if self.out.exists() else {}
        heard = Heard()
        settings = {"codecs": self.codecs, "samples": self.samples, **given}
        results = bench(self.out, settings.pop("codecs"), settings.pop("samples"), heard=heard, **settings)
        assert [*map(to_line, read_results(self.out / FILE_NAME).records())] == [*map(to_line, results.records())]
        keys = [p.key for p in results.points]
        assert len(keys) == len(set(keys))
        made = [p.key for p in results.points if before.get(p.key) is not p and before.get(p.key) != p]
        encodes = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        assert encodes == len(made) + len({key[2] for key in made})  # a codec's first picture is coded twice
        assert heard.begun is not None and heard.begun[0] >= len(made)
        return results.points, sorted(made)

    def keys(self, codec: str = "", image: str = "") -> list[tuple[str, str, str, float]]:
        """All that the two codecs make, or those of one codec or picture."""
        return sorted(
            ("set", i, c, q) for i in "ab" for c in ("one", "two") for q in Toy.qualities
            if codec in ("", c) and image in ("", i)
        )  # fmt: skip


@pytest.fixture
def two(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_finished_point_is_not_computed_twice(two: Bench) -> None:
    first, made = two.run()
    assert made == two.keys()
    second, made = two.run()
    assert made == [] and second == first


def test_a_cut_run_goes_on(two: Bench) -> None:
    whole, _ = two.run()
    path = two.out / FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [point for point in map(from_line, (line.decode() for line in lines[:6])) if isinstance(point, Point)]
    path.write_bytes(b"".join(lines[:6]) + lines[6][:50])
    points, made = two.run()
    assert made == sorted(set(two.keys()) - {p.key for p in kept}) and points[: len(kept)] == kept
    assert timeless(points) == timeless(whole)


def test_pictures_in_another_order_are_the_same_points(two: Bench, tmp_path: Path) -> None:
    points, _ = two.run()
    again, made = two.run(samples=two.samples[::-1], codecs=two.codecs[::-1])
    assert made == [] and again == points
    two.out = tmp_path / "elsewhere"
    two.out.mkdir()
    (two.out / FILE_NAME).touch()
    reversed_points, _ = two.run(samples=two.samples[::-1], codecs=two.codecs[::-1])
    assert timeless(reversed_points) == timeless(points)


def test_another_version_or_options_make_a_codecs_points_again(two: Bench) -> None:
    two.run()
    two.codecs[1] = Toy("two", log=two.log, version="toy 2")
    points, made = two.run()
    assert made == two.keys(codec="two") and {p.version for p in points if p.codec == "two"} == {"toy 2"}
    two.codecs[0] = Toy("one", log=two.log, options={"level": 9})
    points, made = two.run()
    assert made == two.keys(codec="one") and {p.options["level"] for p in points if p.codec == "one"} == {9}
    assert two.run()[1] == []


def test_options_that_json_changes_are_the_same_options(two: Bench) -> None:
    two.codecs = [Toy("one", log=two.log, options={"sizes": (1, 2), "model": None})]
    assert two.run()[1] == two.keys(codec="one")
    assert two.run()[1] == []


def test_another_picture_of_the_same_name_is_coded_again(two: Bench) -> None:
    points, _ = two.run()
    Image.fromarray(paint(77)).save(two.pictures / "b.png")
    again, made = two.run()
    assert made == two.keys(image="b")
    digests = [{p.pixels for p in found if p.image == "b"} for found in (points, again)]
    assert all(len(found) == 1 for found in digests) and digests[0] != digests[1]
    image = Image.open(two.pictures / "a.png")
    image.load()
    image.save(two.pictures / "a.png", compress_level=1)  # another file of the same pixels
    assert two.run()[1] == []


def test_a_measure_more_makes_points_again_and_one_less_does_not(two: Bench) -> None:
    two.run()
    points, made = two.run(measures=("psnr", "psnr-yuv611"))
    assert made == two.keys() and all(set(p.measures) == {"psnr", "psnr-yuv611"} for p in points)
    assert two.run()[1] == []


def test_a_kept_file_that_is_gone_or_cut_is_made_again(two: Bench) -> None:
    two.run()
    points, made = two.run(keep=True)  # nothing had been kept
    assert made == two.keys()
    assert two.run(keep=True)[1] == []
    assert points[3].file is not None and points[5].file is not None
    (two.out / points[3].file).unlink()
    (two.out / points[5].file).write_bytes(b"short")
    again, made = two.run(keep=True)
    assert made == sorted([points[3].key, points[5].key])
    assert all((two.out / str(p.file)).stat().st_size == p.bytes for p in again)
    shutil.rmtree(two.out / "files")
    assert two.run()[1] == []  # it is not asked for now


def test_what_a_run_does_not_make_stays(two: Bench) -> None:
    points, _ = two.run()
    for given in ({"codecs": two.codecs[:1]}, {"samples": two.samples[1:]}, {"quick": True}):
        again, made = two.run(**given)
        assert made == [] and again == points


def test_a_quick_run_drops_no_finished_point_that_it_does_not_make(two: Bench) -> None:
    """Those that only lack a measure or a file still hold: they may have taken hours."""
    two.codecs = [Toy("one", log=two.log, qualities=range(1, 9)), Toy("two", log=two.log)]
    points, _ = two.run()
    again, made = two.run(quick=True, measures=("psnr", "psnr-yuv611"), keep=True)
    assert {p.key for p in again} == {p.key for p in points}
    assert {key[3] for key in made if key[2] == "one"} == {1, 3, 6, 8}


def test_points_of_another_version_go_even_where_a_quick_run_makes_fewer(two: Bench) -> None:
    """One codec's curve is of one version."""
    two.codecs = [Toy("one", log=two.log, qualities=range(1, 9))]
    two.run()
    two.codecs = [Toy("one", log=two.log, qualities=range(1, 9), version="toy 2")]
    points, _ = two.run(quick=True)
    assert {(p.quality, p.version) for p in points} == {(q, "toy 2") for q in (1, 3, 6, 8)}


def test_the_releases_points_are_made_once(tmp_path: Path) -> None:
    from benchmarks.rd.choose import chosen_pictures

    samples, jpegs = chosen_pictures([], live_release(tmp_path / "live"), None, quick=False)
    first = bench(tmp_path / "out", [Toy()], samples, jpegs=jpegs)
    heard = Heard()
    second = bench(tmp_path / "out", [Toy()], samples, jpegs=jpegs, heard=heard)
    assert heard.begun == (0, len(first.points)) and second.points == first.points
    assert len([p for p in first.points if p.codec == "live-jpeg"]) == 6


def test_every_run_is_on_record(two: Bench) -> None:
    two.run()
    two.run(codecs=two.codecs[:1], measures=("psnr",))
    runs = read_results(two.out / FILE_NAME).runs
    assert [[codec.id for codec in run.codecs] for run in runs] == [["one", "two"], ["one"]]
    assert runs[0].command == "wisp bench rd" and runs[0].machine["cores"] and runs[0].versions["numpy"]
    assert set(runs[0].measures) == {"psnr"} and runs[0].codecs[0].command == "toy -q 5 in.png out.toy"
