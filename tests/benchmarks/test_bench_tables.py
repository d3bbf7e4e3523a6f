"""What other programs read of results: CSV, CompressAI's curves; and the tables on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.rd.bd import bd_table
from benchmarks.rd.choose import chosen_curve
from benchmarks.rd.records import CodecInfo, Curve, Point, Run
from benchmarks.rd.results import Results
from benchmarks.rd.tables import read_curve, to_compressai, to_csv
from bitstream.errors import CorruptError, FileAccessError, RequestError
from cli.bench_table import print_bd_tables
from tests.benchmarks.test_bench_bd import curve_points, point, two_codecs

MEASURES = ("psnr", "ms-ssim", "lpips")


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def printed(
    capsys: pytest.CaptureFixture[str], points: Sequence[Point], anchor: str = "anchor", **given: object
) -> str:
    """What `print_bd_tables` prints of these points."""
    infos = tuple(CodecInfo(name, f"Title of {name}", "1", {}, "") for name in ("anchor", "test"))
    run = Run("", "", {}, {}, 1, 1, infos, {}, ())
    curves = given.pop("curves", [])
    assert isinstance(curves, list)
    print_bd_tables(Results([run], list(points), curves=curves), anchor, **given)  # type: ignore[arg-type]
    return capsys.readouterr().out


def row_of(text: str, title: str) -> list[str]:
    """The cells of the one row that begins with `title`."""
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if title in line]
    assert len(rows) == 1, text
    return rows[0]


# CSV


def test_csv_holds_every_point() -> None:
    points = [
        replace(p, file=f"files/{p.codec}.bin", threads=2, encode_seconds=1 / 3)
        for p in [point("a", "x", 1, 1 / 7, psnr=20.1, ms_ssim=9.9), point("b", "y", 2.5, 0.25, psnr=30.0, ms_ssim=8.0)]
    ]
    rows = parsed(to_csv(points, ["psnr", "ms-ssim"]))
    assert len(rows) == len(points)
    for row, p in zip(rows, points, strict=True):
        for name in ("dataset", "image", "codec", "version", "command", "file"):
            assert row[name] == getattr(p, name)
        for name in ("width", "height", "bytes", "threads", "jobs"):
            assert int(row[name]) == getattr(p, name)
        for name in ("quality", "bpp", "encode_seconds", "decode_seconds"):
            assert float(row[name]) == getattr(p, name)
        assert {name: float(row[name]) for name in p.measures} == p.measures


def test_csv_keeps_any_text_and_tells_infinite_from_missing() -> None:
    names = ('a,"b"', "a\nb", "köln", "'", "")
    points = [replace(point("a", name, 1, 0.5, psnr=math.inf), command='x -o "a b",c') for name in names]
    points.append(point("a", "other", 1, 0.5, ssim=0.5))
    rows = parsed(to_csv(points, ["psnr", "ssim"]))
    assert [row["image"] for row in rows] == [*names, "other"]
    assert {row["command"] for row in rows[:-1]} == {'x -o "a b",c'}
    assert {(row["psnr"], row["ssim"], row["file"]) for row in rows[:-1]} == {("inf", "", "")}
    assert math.isinf(float(rows[0]["psnr"]))
    assert (rows[-1]["psnr"], rows[-1]["ssim"]) == ("", "0.5")


# CompressAI's format


def test_curves_go_out_as_compressai_writes_them_and_come_back(tmp_path: Path) -> None:
    points = [
        point("a", image, quality, bpp, psnr=psnr, ms_ssim=db, lpips=0.5)
        for image, quality, bpp, psnr, db in [
            ("x", 2, 0.4, 34.0, 20.0), ("x", 1, 0.1, 28.0, 10.0), ("y", 1, 0.3, 30.0, 13.0), ("y", 2, 1.0, 40.0, 17.0),
        ]
    ]  # fmt: skip
    content = json.loads(to_compressai(points, "Codec A"))
    assert content["name"] == "Codec A" and content["description"] == "1; 2 pictures"
    results = content["results"]
    assert results["bpp"] == pytest.approx([0.2, 0.7]) and results["psnr-rgb"] == pytest.approx([29, 37])
    index = [(0.9 + 1 - 10**-1.3) / 2, (0.99 + 1 - 10**-1.7) / 2]  # the mean of indices, not of decibels
    assert results["ms-ssim-rgb"] == pytest.approx(index) and results["lpips"] == [0.5, 0.5]
    assert results["encoding_time"] == results["decoding_time"] == [1, 1]

    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    curve = read_curve("A", path)
    assert (curve.name, curve.source) == ("A", str(path)) and curve.bpp == pytest.approx((0.2, 0.7))
    assert curve.measures == {
        "psnr": pytest.approx((29, 37)),
        "ms-ssim": pytest.approx([-10 * math.log10(1 - value) for value in index]),
        "lpips": (0.5, 0.5),
    }
    assert chosen_curve(f"A={path}") == curve


def test_what_cannot_be_averaged_stays_out() -> None:
    points = [point("a", "x", 1, 0.1, psnr=30, lpips=0.1), point("a", "x", 2, 0.2, psnr=math.inf)]
    assert set(json.loads(to_compressai(points, "A"))["results"]) == {"bpp", "encoding_time", "decoding_time"}


def test_the_order_of_points_does_not_matter_to_compressai() -> None:
    points = [point("a", image, q, 0.5, psnr=q) for q in (1, 2, 3) for image in "xyz"]
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(points)
        texts.add(to_compressai(points, "A"))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [([0.9, 0.99], (10, 20)), ([9.5, 20.0], (9.5, 20)), ([0.5, 12.0], (0.5, 12))],
)
def test_ms_ssim_may_be_the_index_or_decibels(given: list[float], expected: tuple[float, ...], tmp_path: Path) -> None:
    for name in ("ms-ssim", "ms-ssim-rgb"):
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"results": {"bpp": [1, 2], name: given, "encoding_time": [1, 2]}}))
        assert read_curve("A", path).measures == {"ms-ssim": pytest.approx(expected)}


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", "3", '{"results": []}', '{"results": {"psnr": [1]}}', '{"results": {"bpp": [1]}}',
        '{"results": {"bpp": [1, 2], "psnr": [1]}}', '{"results": {"bpp": [1], "psnr": 1}}',
        '{"results": {"bpp": [], "psnr": []}}', '{"results": {"bpp": [1], "psnr": ["much"]}}',
        '{"results": {"bpp": [1], "psnr": [null]}}', '{"results": {"bpp": [1], "psnr": [NaN]}}',
        '{"results": {"bpp": [Infinity], "psnr": [30]}}', '{"results": {"bpp": [0], "psnr": [30]}}',
        '{"results": {"bpp": [-1], "psnr": [30]}}', '{"results": {"bpp": [1, 2], "ms-ssim": [0.9, 1.0]}}',
    ],
)  # fmt: skip
def test_other_content_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    path.write_text(content)
    with pytest.raises(CorruptError, match=str(path)):
        read_curve("A", path)


def test_curves_that_are_not_there_or_not_named(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="missing"):
        chosen_curve(f"A={tmp_path / 'missing.json'}")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptError, match="binary"):
        chosen_curve(f"A={tmp_path / 'binary'}")
    for text in ("elic.json", "=elic.json", "ELIC="):
        with pytest.raises(RequestError, match="NAME=FILE"):
            chosen_curve(text)


# On a terminal


def test_the_table_shows_the_computed_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, two_codecs())
    assert "set, 2 pictures: BD-rate against anchor" in " ".join(text.split())
    row = next(row for row in bd_table(two_codecs(), "anchor", "psnr") if row.codec == "test")
    assert row.averaged is not None and row.mean_per_image is not None
    averaged, each = f"{row.averaged.percent:+.1f}", f"{row.mean_per_image:+.1f}"
    assert row_of(text, "Title of test") == ["Title of test", averaged, each, f"{row.averaged.overlap:.0%}"]
    assert row_of(text, "Title of anchor") == ["Title of anchor", "+0.0", "+0.0", "100%"]


def test_sets_are_never_averaged_together(capsys: pytest.CaptureFixture[str]) -> None:
    """A codec at 80 % of the bits on one set and 200 % on the other: two tables, with these two numbers."""
    points = [
        p
        for dataset, rate in (("first", 0.8), ("second", 2.0))
        for codec, times in (("anchor", 1.0), ("test", rate))
        for p in curve_points(codec, "x", times, dataset=dataset)
    ]
    random.Random(1).shuffle(points)
    text = printed(capsys, points)
    assert text.index("first, 1 pictures") < text.index("second, 1 pictures")
    first, second = text[: text.index("second, 1")], text[text.index("second, 1") :]
    assert row_of(first, "Title of test")[1:3] == ["-20.0", "-20.0"]
    assert row_of(second, "Title of test")[1:3] == ["+100.0", "+100.0"]


def test_shuffled_points_print_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    points = [*two_codecs(), *(replace(p, dataset="other") for p in two_codecs())]
    texts = set()
    for seed in range(4):
        random.Random(seed).shuffle(points)
        texts.add(printed(capsys, points))
    assert len(texts) == 1


def test_little_overlap_is_marked_and_none_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    little = [replace(p, measures={"psnr": p.measures["psnr"] + 12}) for p in two_codecs() if p.codec == "test"]
    text = printed(capsys, [p for p in two_codecs() if p.codec == "anchor"] + little)
    assert row_of(text, "Title of test")[1].endswith("?")
    none = [replace(p, measures={"psnr": p.measures["psnr"] + 60}) for p in little]
    text = printed(capsys, [p for p in two_codecs() if p.codec == "anchor"] + none)
    assert row_of(text, "Title of test")[1:] == ["-", "-", ""]


def test_a_published_curve_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    curve = Curve("ELIC", "e.json", (0.1, 1.0), {"psnr": (28.0, 38.0)})
    assert row_of(printed(capsys, two_codecs(), curves=[curve]), "ELIC")[2] == "-"


def test_a_set_without_the_anchor_takes_its_first_codec(capsys: pytest.CaptureFixture[str]) -> None:
    points = [*two_codecs(), *curve_points("test", "x", dataset="other")]
    text = printed(capsys, points)
    assert "set, 2 pictures: BD-rate against anchor" in " ".join(text.split())
    assert "other, 1 pictures: BD-rate against test" in " ".join(text.split())


def test_results_without_any_measure_have_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    points = [replace(p, measures={}) for p in two_codecs()]
    assert "no measure" in printed(capsys, points)
    assert "no measure" in printed(capsys, two_codecs(), measures=["lpips"])
