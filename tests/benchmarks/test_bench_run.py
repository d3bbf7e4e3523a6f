"""A run of the benchmark: points as Pillow makes them by hand, kept files, failures, deaths, absences, the release."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.codecs.interface import ImageCodec
from benchmarks.codecs.jpeg import Jpeg
from benchmarks.codecs.wisp import Wisp
from benchmarks.datasets import RESTORED, Sample, folder_samples
from benchmarks.measures.standard import psnr_yuv611
from benchmarks.raw import Pixels
from benchmarks.rd.choose import chosen_pictures
from benchmarks.rd.jobs import Footage, PointJob, Setting
from benchmarks.rd.plan import points_of, spread
from benchmarks.rd.records import Failure
from benchmarks.rd.results import FILE_NAME, LOCK_NAME, read_results
from benchmarks.sources import ClipInfo
from bitstream.errors import RequestError
from tests.support.bench_codecs import (
    Absent,
    Deadly,
    Faulty,
    Heard,
    Toy,
    bench,
    live_release,
    picture_samples,
    timeless,
)


def by_hand(pixels: Pixels, quality: float) -> tuple[bytes, Pixels]:
    """Pillow's JPEG as the benchmark describes it, and what it shows."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "jpeg", quality=quality, subsampling="4:2:0", optimize=True, progressive=True)
    return out.getvalue(), np.asarray(Image.open(out).convert("RGB"))


def psnr_by_hand(a: Pixels, b: Pixels) -> float:
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def test_jpeg_agrees_with_pillow_by_hand(tmp_path: Path) -> None:
    samples = picture_samples(tmp_path / "pictures")
    results = bench(tmp_path / "out", [Jpeg("4:2:0")], samples, measures=("psnr", "psnr-yuv611"), keep=True)
    assert len(results.points) == 20 and not results.failures
    for p in results.points:
        pixels = np.asarray(Image.open(tmp_path / "pictures" / f"{p.image}.png"))
        data, shown = by_hand(pixels, p.quality)
        assert p.bytes == len(data) and p.bpp == 8 * len(data) / (24 * 32) and (p.width, p.height) == (32, 24)
        assert p.measures["psnr"] == pytest.approx(psnr_by_hand(pixels, shown), abs=1e-6)
        assert p.measures["psnr-yuv611"] == psnr_yuv611(pixels, shown)
        assert (tmp_path / "out" / str(p.file)).read_bytes() == data
        assert p.encode_seconds > 0 and p.decode_seconds > 0 and (p.threads, p.jobs) == (1, 1)
        assert "optimize=True" in p.command and f"quality={p.quality}" in p.command


def test_kept_files_are_the_rows_bytes_and_decode_to_their_psnr(tmp_path: Path) -> None:
    samples = picture_samples(tmp_path / "pictures")
    codec = Toy()
    results = bench(tmp_path / "out", [codec], samples, keep=True)
    names = {p.file for p in results.points}
    assert len(names) == len(results.points) == 8 and "files/toy/set/a-q3.toy" in names
    there = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out" / "files").rglob("*.*")}
    assert there == names
    for p in results.points:
        data = (tmp_path / "out" / str(p.file)).read_bytes()
        assert len(data) == p.bytes
        pixels = np.asarray(Image.open(tmp_path / "pictures" / f"{p.image}.png"))
        assert p.measures["psnr"] == pytest.approx(psnr_by_hand(pixels, codec.decode(data)), abs=1e-6)


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    results = bench(tmp_path / "out", [Toy()], picture_samples(tmp_path / "pictures"))
    assert {p.file for p in results.points} == {None}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [LOCK_NAME, FILE_NAME]


def test_an_exact_picture_has_an_infinite_psnr_in_results_too(tmp_path: Path) -> None:
    results = bench(tmp_path / "out", [Toy(qualities=(8,))], picture_samples(tmp_path / "pictures"))
    assert {p.measures["psnr"] for p in results.points} == {math.inf}
    assert all(json.loads(line) for line in (tmp_path / "out" / FILE_NAME).read_text().splitlines())
    assert read_results(tmp_path / "out" / FILE_NAME).points == results.points


def test_a_codec_against_itself(tmp_path: Path) -> None:
    from benchmarks.rd.bd import bd_table

    results = bench(tmp_path / "out", [Toy("one"), Toy("two")], picture_samples(tmp_path / "pictures"))
    for row in bd_table(results.points, "one", "psnr"):
        assert row.averaged is not None and row.averaged.percent == pytest.approx(0, abs=1e-9)
        assert row.mean_per_image == pytest.approx(0, abs=1e-9)


# What fails


@pytest.mark.parametrize(
    ("fault", "message"),
    [("raise", "out of bits"), ("shape", "(24, 32, 3) uint8 came back as (23, 32, 3) uint8")],
)
def test_a_codec_that_fails_costs_its_points_only(fault: str, message: str, tmp_path: Path) -> None:
    healed, heard, samples = tmp_path / "healed", Heard(), picture_samples(tmp_path / "pictures")
    codecs = [Faulty(fault, healed=healed), Toy()]
    results = bench(tmp_path / "out", codecs, samples, keep=True, heard=heard)
    expected = [Failure("set", image, f"faulty-{fault}", 3, message) for image in "ab"]
    assert results.failures == heard.failures == expected
    assert len(results.points) == 14 and len(heard.finished) == 16 and heard.begun == (16, 0)

    heard = Heard()  # tried again, in vain: still recorded once
    assert bench(tmp_path / "out", codecs, samples, keep=True, heard=heard).failures == expected
    assert heard.begun == (2, 14) and heard.failures == expected
    healed.touch()
    results = bench(tmp_path / "out", codecs, samples, keep=True)
    assert not results.failures and len({p.key for p in results.points}) == len(results.points) == 16
    assert not read_results(tmp_path / "out" / FILE_NAME).failures


def test_a_failure_that_this_run_does_not_try_again_stays_on_record(tmp_path: Path) -> None:
    samples = picture_samples(tmp_path / "pictures")
    bench(tmp_path / "out", [Faulty("raise")], samples)
    heard = Heard()
    results = bench(tmp_path / "out", [Toy()], samples, heard=heard)
    assert len(results.failures) == 2 and not heard.failures


@pytest.mark.slow
def test_a_codec_whose_process_dies_costs_its_points_only(tmp_path: Path) -> None:
    """Real processes: one that exits, one that crashes, one that cannot even be opened, two that are well."""
    healed, samples, heard = tmp_path / "healed", picture_samples(tmp_path / "pictures", "a"), Heard()
    codecs = [Faulty("exit", healed=healed), Faulty("crash", 1), Faulty("leave", 7), Deadly("deadly"), Toy()]
    results = bench(tmp_path / "out", codecs, samples, heard=heard, processes=2)
    assert sorted(results.failures, key=lambda failure: failure.codec) == [
        Failure("set", "a", "faulty-crash", 1, "its process ended"),
        Failure("set", "a", "faulty-exit", 3, "its process ended"),
        Failure("set", "a", "faulty-leave", 7, "its process ended"),
    ]
    assert {p.key[2:] for p in results.points} == {
        *(("toy", q) for q in (1, 3, 5, 7)), *(("faulty-exit", q) for q in (1, 5, 7)),
        *(("faulty-crash", q) for q in (3, 5, 7)), *(("faulty-leave", q) for q in (1, 3, 5)),
    }  # fmt: skip
    assert [(a.id, a.what, a.reason) for a in heard.absences] == [
        ("deadly", "codec", "its library ended the process that loaded it")
    ]
    healed.touch()
    again = bench(tmp_path / "out", codecs[:1], samples)
    assert ("set", "a", "faulty-exit", 3) in {p.key for p in again.points}
    assert "faulty-exit" not in {failure.codec for failure in again.failures}


@pytest.mark.slow
def test_one_and_two_processes_make_the_same_points(tmp_path: Path) -> None:
    samples, codecs = picture_samples(tmp_path / "pictures", "abc"), [Toy("one"), Toy("two")]
    one = bench(tmp_path / "1", codecs, samples, processes=1, keep=True)
    two = bench(tmp_path / "2", codecs, samples, processes=2, keep=True)
    here = bench(tmp_path / "3", codecs, samples, keep=True)
    assert timeless(one.points) == timeless(two.points) == timeless(here.points) and len(one.points) == 24
    assert {p.jobs for p in two.points} == {2}
    kept = [{str(path.relative_to(out)): path.read_bytes() for path in (out / "files").rglob("*.toy")}
            for out in (tmp_path / "1", tmp_path / "2")]  # fmt: skip
    assert kept[0] == kept[1] and len(kept[0]) == 24


def test_absent_codecs_and_measures_are_told_and_the_rest_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    heard, codecs = Heard(), [Toy(), Absent("gone")]
    results = bench(tmp_path / "out", codecs, picture_samples(tmp_path / "p"), measures=("psnr", "dssim"), heard=heard)
    assert [(a.what, a.id) for a in heard.absences] == [("codec", "gone"), ("measure", "dssim")]
    assert heard.absences[0].reason == "libtoy is not installed" and heard.absences[0].remedy == "apt install libtoy"
    assert results.runs[0].absent == tuple(heard.absences) and len(results.points) == 8
    assert {name for p in results.points for name in p.measures} == {"psnr"}
    assert [codec.id for codec in results.runs[0].codecs] == ["toy"]


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    samples = picture_samples(tmp_path / "pictures")
    (tmp_path / "pictures" / "a.png").write_bytes(b"no picture")
    heard = Heard()
    results = bench(tmp_path / "out", [Toy()], samples, heard=heard)
    assert {p.image for p in results.points} == {"b"} and [*heard.refused] == ["a"] and not results.failures
    (tmp_path / "pictures" / "b.png").unlink()
    before = (tmp_path / "out" / FILE_NAME).read_bytes()
    with pytest.raises(RequestError, match="none of the pictures can be read"):
        bench(tmp_path / "out", [Toy()], samples)
    assert (tmp_path / "out" / FILE_NAME).read_bytes() == before


# The LIVE release


class ToyWisp(Toy):
    """Called as Wisp is, for harmed pictures are coded by Wisp only."""

    def __init__(self) -> None:
        super().__init__("wisp-toy", qualities=(3, 7))


def test_the_releases_jpegs_are_points_and_inputs(tmp_path: Path) -> None:
    root = live_release(tmp_path / "live")
    samples, jpegs = chosen_pictures([], root, None, quick=False)
    results = bench(tmp_path / "out", [Toy(), ToyWisp()], samples, jpegs=jpegs)
    stated = [p for p in results.points if p.codec == "live-jpeg" and p.dataset == "live"]
    assert [(p.dataset, p.image, p.bpp, p.quality) for p in stated] == [
        ("live", "house", 0.8453, 0.8453), ("live", "house", 0.2, 0.2), ("live", "woman", 1.5, 1.5),
    ]  # fmt: skip
    for p, name in zip(stated, ("img3", "img7", "img9"), strict=True):
        shown, pristine = (np.asarray(Image.open(path)) for path in (
            root / "jpeg" / f"{name}.bmp", root / "refimgs" / f"{p.image}.bmp"))  # fmt: skip
        assert p.measures["psnr"] == pytest.approx(psnr_by_hand(pristine, shown), abs=1e-6)
        assert p.bytes == round(p.bpp * 32 * 48 / 8) and (p.encode_seconds, p.decode_seconds) == (0, 0)
    beside = {p.pixels for p in results.points if p.dataset == "live" and p.image == "house"}
    assert len(beside) == 1  # the same picture as every other codec's

    before = {p.image: p for p in results.points if p.dataset == RESTORED and p.codec == "live-jpeg"}
    assert {name: (p.bpp, p.quality) for name, p in before.items()} == {
        "house-img3": (0.8453, 0.0), "house-img7": (0.2, 0.0), "woman-img9": (1.5, 0.0),
    }  # fmt: skip
    assert {p.measures["psnr"] for p in before.values()} == {p.measures["psnr"] for p in stated}
    restored = [p for p in results.points if p.dataset == RESTORED and p.codec != "live-jpeg"]
    assert {(p.image, p.codec) for p in restored} == {
        (name, "wisp-toy") for name in ("house-img3", "house-img7", "woman-img9")
    }
    for p in restored:
        reference, _, harmed = p.image.partition("-")
        source = np.asarray(Image.open(root / "jpeg" / f"{harmed}.bmp"))
        pristine = np.asarray(Image.open(root / "refimgs" / f"{reference}.bmp"))
        shown = Toy().decode(Toy().encode(source, p.quality))
        assert p.bytes == len(Toy().encode(source, p.quality))
        assert p.measures["psnr"] == pytest.approx(psnr_by_hand(pristine, shown), abs=1e-6)
        assert p.measures["psnr"] != pytest.approx(psnr_by_hand(source, shown))


def test_a_picture_of_the_release_that_is_missing_is_a_failure_once(tmp_path: Path) -> None:
    root = live_release(tmp_path / "live")
    samples, jpegs = chosen_pictures([], root, None, quick=False)
    (root / "refimgs" / "woman.bmp").unlink()
    for _ in range(2):
        heard = Heard()
        results = bench(tmp_path / "out", [ToyWisp()], samples, jpegs=jpegs, heard=heard)
        assert [*heard.refused] == ["woman", "woman-img9"]
        assert [(f.codec, f.image) for f in results.failures] == [("live-jpeg", "woman"), ("live-jpeg", "woman-img9")]
        assert len([p for p in results.points if p.codec == "live-jpeg"]) == 4


def test_a_measure_that_fails_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(reference: object, shown: object) -> float:
        raise RuntimeError("ssim is out of order")

    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.measures.catalog.ssim", broken)
        results = bench(tmp_path, [Toy()], picture_samples(tmp_path / "pictures"), measures=("psnr", "ssim"))
        assert results.points and {tuple(p.measures) for p in results.points} == {("psnr",)}
        assert {f.message for f in results.failures} == {"no SSIM: ssim is out of order"}
        assert {f.key for f in results.failures} == {p.key for p in results.points}
    mended = bench(tmp_path, [Toy()], picture_samples(tmp_path / "pictures"), measures=("psnr", "ssim"))
    assert {tuple(p.measures) for p in mended.points} == {("psnr", "ssim")} and not mended.failures


def test_what_was_done_to_a_picture_is_noted_once(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.new("1", (32, 24)).save(tmp_path / "pictures" / "black.png")
    heard = Heard()
    samples = folder_samples("set", tmp_path / "pictures")
    assert bench(tmp_path / "out", [Toy()], samples, heard=heard).points
    assert [*heard.notes] == ["black"] and "converted" in heard.notes["black"]


# What is planned, and how long it takes


def planned(codec: ImageCodec, samples: list[Sample], *, quick: bool = False) -> list[PointJob]:
    footage = [Footage(each, ClipInfo(each.dataset, each.name, 1, 1, 1, "1", "", "")) for each in samples]
    return points_of(codec, footage, Setting((), 1, 1, Path()), quick=quick)


def test_restoration_is_wisps_alone() -> None:
    pictures = [Sample("live", "a", Path("a")), Sample(RESTORED, "b", Path("b"), Path("a"))]
    assert {job.key[1] for job in planned(Wisp(4), pictures)} == {"a", "b"}
    assert {job.key[1] for job in planned(Jpeg("4:2:0"), pictures)} == {"a"}


def test_every_picture_at_every_quality_or_at_four() -> None:
    pictures = [Sample("set", name, Path(name)) for name in "ab"]
    jobs = planned(Jpeg("4:2:0"), pictures)
    assert [(job.key[1], job.quality) for job in jobs] == [(name, q) for name in "ab" for q in Jpeg.qualities]
    quick = planned(Jpeg("4:2:0"), pictures, quick=True)
    assert [job.quality for job in quick if job.key[1] == "a"] == [5, 30, 60, 90]


def test_a_few_of_many_are_spread_over_them() -> None:
    expected = {3: [0, 1, 2], 4: [0, 1, 2, 3], 10: [0, 3, 6, 9], 29: [0, 9, 19, 28]}
    assert {count: spread(count, 4) for count in expected} == expected
