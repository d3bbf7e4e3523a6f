"""The viewer's pictures: files of JPEG, AVIF and Wisp that are alike in size, near the wanted rate."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmarks.codecs.avif import Avif
from benchmarks.codecs.interface import ImageCodec
from benchmarks.codecs.jpeg import Jpeg
from benchmarks.codecs.wisp import Wisp
from benchmarks.datasets import RESTORED, Sample, live_paths, read_picture
from benchmarks.raw import Pixels
from benchmarks.rd.equal import ORIGINAL, SCALES, WITHIN, Sizes, equal_qualities, fitted, viewer_jobs
from benchmarks.rd.jobs import Footage, Setting
from benchmarks.rd.records import EqualSize, Failure
from benchmarks.rd.results import FILE_NAME, read_results
from benchmarks.sources import ClipInfo
from tests.support.bench_codecs import Heard, Toy, bench, paint, picture_samples


@pytest.fixture(scope="module")
def codecs() -> dict[str, ImageCodec]:
    """The three, opened."""
    found: tuple[ImageCodec, ...] = (Jpeg("4:2:0"), Avif(), Wisp(4))
    for codec in found:
        codec.open(1)
    return {codec.id: codec for codec in found}


@dataclass(frozen=True)
class EqualFile:
    """A coded picture, and the quality that made it."""

    data: bytes
    quality: float


def equal_files(codecs: Mapping[str, ImageCodec], pixels: Pixels, bpp: float) -> dict[str, EqualFile]:
    """A file of every codec at the qualities that are chosen, nothing being known before."""
    sizes = {
        name: Sizes(partial(_size, codec, pixels), {}, codec.step, SCALES.get(name, (0, 100)))
        for name, codec in codecs.items()
    }
    chosen = equal_qualities(sizes, bpp * pixels[..., 0].size / 8, still=True)
    return {name: EqualFile(codecs[name].encode(pixels, quality), quality) for name, quality in chosen.items()}


def _size(codec: ImageCodec, pixels: Pixels, quality: float) -> int:
    return len(codec.encode(pixels, quality))


def only(codecs: Mapping[str, ImageCodec], *names: str) -> dict[str, ImageCodec]:
    return {name: codecs[name] for name in names}


def spread_of(files: Mapping[str, EqualFile]) -> float:
    sizes = [len(file.data) for file in files.values()]
    return max(sizes) / min(sizes) - 1


def rate(files: Mapping[str, EqualFile], pixels: Pixels) -> float:
    return 8 * max(len(file.data) for file in files.values()) / (pixels.shape[0] * pixels.shape[1])


@pytest.mark.parametrize(
    ("name", "bpp"),
    [
        *(("caps", 0.25), ("sailing1", 0.5), ("woman", 0.25)),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in (("caps", 0.5), ("sailing1", 0.25), ("woman", 0.5))),
    ],
)
def test_files_of_photographs_are_alike_in_size(name: str, bpp: float, codecs: Mapping[str, ImageCodec]) -> None:
    pixels = next(read_picture(path) for path in live_paths() if path.stem == name)[128:320, 128:384]
    files = equal_files(codecs, np.ascontiguousarray(pixels), bpp)
    assert [*files] == ["jpeg420", "avif", "wisp-e4"]
    assert spread_of(files) <= WITHIN
    assert 0.7 * bpp < rate(files, pixels) < 1.4 * bpp
    for codec, file in files.items():
        assert codecs[codec].decode(file.data).shape == pixels.shape
    assert all(files[codec].quality == round(files[codec].quality) for codec in ("jpeg420", "avif"))


def test_a_picture_too_simple_for_the_rate_is_shown_at_wisps_best(codecs: Mapping[str, ImageCodec]) -> None:
    sharp = Image.fromarray(read_picture(live_paths()[0])[:256, :256])
    pixels = np.asarray(sharp.filter(ImageFilter.GaussianBlur(12)))
    best = codecs["wisp-e4"].encode(pixels, 100)
    assert 8 * len(best) / pixels[..., 0].size < 0.8  # it cannot be blown up to the rate
    files = equal_files(codecs, pixels, 1.0)
    assert spread_of(files) <= WITHIN
    assert len(files["wisp-e4"].data) <= 1.1 * len(best)


def test_a_picture_below_jpegs_least_file_is_shown_all_the_same(codecs: Mapping[str, ImageCodec]) -> None:
    """JPEG's headers alone are larger than Wisp's best here: sizes cannot be equal, and are what they are."""
    pixels = np.asarray(Image.fromarray(paint(3)).filter(ImageFilter.GaussianBlur(6)))
    files = equal_files(codecs, pixels, 0.5)
    assert files["wisp-e4"] == EqualFile(codecs["wisp-e4"].encode(pixels, 100), 100)
    assert files["jpeg420"].quality == 1


@pytest.mark.parametrize("names", [("jpeg420",), ("avif",), ("wisp-e4",), ("jpeg420", "wisp-e4"), ("avif", "wisp-e4")])
def test_fewer_codecs_will_do(names: Sequence[str], codecs: Mapping[str, ImageCodec]) -> None:
    pixels = np.ascontiguousarray(read_picture(live_paths()[3])[128:256, 128:320])
    files = equal_files(only(codecs, *names), pixels, 1.0)
    assert [*files] == [*names] and spread_of(files) <= WITHIN
    assert rate(files, pixels) == pytest.approx(1.0, rel=0.15)


def test_one_stepped_codec_takes_its_nearest_step(codecs: Mapping[str, ImageCodec]) -> None:
    pixels = np.ascontiguousarray(read_picture(live_paths()[3])[128:256, 128:320])
    wanted = 1.0 * pixels[..., 0].size / 8
    file = equal_files(only(codecs, "jpeg420"), pixels, 1.0)["jpeg420"]
    sizes = [len(codecs["jpeg420"].encode(pixels, quality)) for quality in range(1, 101)]
    assert abs(math.log(len(file.data) / wanted)) == min(abs(math.log(size / wanted)) for size in sizes)


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("wanted", [1000, 2345, 6000, 20000])
def test_a_size_is_met_as_closely_as_steps_go(wanted: int, rising: bool) -> None:
    sizes = {quality: round(700 * 1.07 ** (quality if rising else 60 - quality)) for quality in range(61)}
    asked: list[float] = []

    def size_at(quality: float) -> int:
        asked.append(quality)
        return sizes[round(quality)]

    known = {float(quality): sizes[quality] for quality in (0, 30, 60)}
    best = fitted(size_at, known, wanted, 1.0)
    assert abs(math.log(sizes[round(best)] / wanted)) <= math.log(1.07) and len(asked) <= 5
    assert fitted(size_at, known, 10, 1.0) == (0 if rising else 60)  # out of reach: the nearer end


# In a run


def viewer(
    folder: Path, names: str = "a", rates: Sequence[float] = (0.5, 1.0), heard: Heard | None = None
) -> list[EqualSize]:
    """The viewer's records of a run with JPEG, Wisp and a codec that has no part in it."""
    samples = picture_samples(folder / "pictures", names)
    used: list[ImageCodec] = [Jpeg("4:2:0"), Toy(), Wisp(4)]
    for codec in used:
        codec.qualities = (50,) if codec.id != "toy" else (3,)
    results = bench(folder / "out", used, samples, viewer_bpps=rates, heard=heard)
    assert not results.failures and read_results(folder / "out" / FILE_NAME).equal == results.equal
    return results.equal


def test_records_name_files_that_are_there_and_decode_to_what_is_shown(tmp_path: Path) -> None:
    records = viewer(tmp_path)
    assert [(r.target_bpp, r.codec) for r in records] == [
        (bpp, codec) for bpp in (0.5, 1.0) for codec in (ORIGINAL, "jpeg420", "wisp-e4")
    ]
    wisp = Wisp(4)
    wisp.open(1)
    source = paint(0)
    for record in records:
        data = (tmp_path / "out" / record.file).read_bytes()
        shown = np.asarray(Image.open(tmp_path / "out" / record.shown))
        assert len(data) == record.bytes and record.bpp == 8 * len(data) / (24 * 32)
        decoded = (
            wisp.decode(data) if record.codec == "wisp-e4" else np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        )
        assert np.array_equal(decoded, shown)
        error = float(np.mean((shown.astype(float) - source) ** 2))
        expected = math.inf if record.codec == ORIGINAL else 10 * math.log10(255**2 / error)
        assert record.measures["psnr"] == pytest.approx(expected, abs=1e-6)
    assert len({r.file for r in records}) == 5  # the original is one file


def test_pictures_of_the_viewer_are_not_made_twice(tmp_path: Path) -> None:
    first, heard = viewer(tmp_path), Heard()
    assert viewer(tmp_path, heard=heard) == first and heard.begun == (0, 3)
    (tmp_path / "out" / first[1].shown).unlink()
    heard = Heard()
    again = viewer(tmp_path, heard=heard)
    assert heard.begun == (1, 3)  # one rate of one picture, with all of its codecs
    keys = [record.key for record in again]
    assert len(keys) == len(set(keys)) and sorted(keys) == sorted(record.key for record in first)
    assert (tmp_path / "out" / first[1].shown).is_file()
    viewer(tmp_path, rates=(0.5,), names="ab")
    heard = Heard()
    viewer(tmp_path, rates=(0.5, 1.0), names="ab", heard=heard)
    assert heard.begun == (1, 6)


def test_a_viewers_picture_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = picture_samples(tmp_path / "pictures", "a")
    codec: ImageCodec = Jpeg("4:2:0")
    codec.qualities = (50,)
    nothing: dict[str, float] = {}
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.rd.equal.equal_qualities", lambda *_, **__: nothing["nothing"])
        for _ in range(2):
            results = bench(tmp_path / "out", [codec], samples, viewer_bpps=(0.5,))
            assert results.failures == [Failure("set", "a", "viewer", 0.5, "KeyError: 'nothing'")]
    results = bench(tmp_path / "out", [codec], samples, viewer_bpps=(0.5,))
    assert not results.failures and {record.codec for record in results.equal} == {ORIGINAL, "jpeg420"}


def test_what_the_viewer_has_no_pictures_of() -> None:
    setting, folder = Setting(("psnr",), 1, 1, Path()), Path("out")
    live, harmed = (
        Footage(each, ClipInfo(each.dataset, each.name, 9, 9, 1, "1", "", ""))
        for each in (Sample("live", "a", Path("a")), Sample(RESTORED, "b", Path("b"), Path("a")))
    )
    assert viewer_jobs([Toy()], [live], [], (0.5,), 5, setting, folder, []) == []
    assert viewer_jobs([Jpeg("4:2:0")], [live], [], (), 5, setting, folder, []) == []
    present = [Jpeg("4:2:0"), Wisp(1), Wisp(4), Wisp(9)]
    jobs = viewer_jobs(present, [live, harmed], [], (0.5,), 5, setting, folder, [])
    assert [(job.footage, [codec.id for codec in job.codecs]) for job in jobs] == [(live, ["jpeg420", "wisp-e4"])]
