"""Packs: crops by the settings, nothing twice, nothing that is to be tested with, the same again by the seed."""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import FileAccessError, OutputExistsError, RequestError, UnsupportedError
from codec.files.output import Writing
from codec.notes import WispNote
from codec.training.data.cutting import Cut, PictureCutter, encoded, is_lossy
from codec.training.data.hashes import Excluded, Hashes, perceptual_hash
from codec.training.data.pack import make_pack
from codec.training.data.settings import PackSettings
from codec.training.data.sources import Entry, find_pictures, read_picture, read_pictures
from codec.training.data.squares import StrengthMap, draw_squares, texture_map
from tests.codec.training.data.pictures import DAMAGED, png, smooth, write_folder

SMALL = PackSettings(size=32, per_source=2)


def as_jpeg(pixels: NDArray[np.uint8], quality: int = 90) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of 96x128 without loss."""
    return write_folder(tmp_path / "pictures", {f"{i}.png": png(smooth(i, 96, 128)) for i in range(3)})


def rows_of(pack: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(pack.with_suffix(".csv").open(newline="")))


def test_a_pack_holds_crops_and_what_they_are(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.tar"
    report = make_pack([folder], pack, SMALL)
    assert (report.samples, report.sources, report.left_out) == (6, 3, Counter())
    assert report.bytes <= pack.stat().st_size
    rows = rows_of(pack)
    for row, entry in zip(rows, find_pictures([pack]), strict=True):
        assert entry.name == f"pack.tar/{row['key']}.webp" and entry.is_photograph
        assert row["key"].startswith(f"p_{row['source_sha256'][:12]}_")
        source = (folder / row["source"]).read_bytes()
        assert hashlib.sha256(source).hexdigest() == row["source_sha256"]
        assert hashlib.sha256(entry.read()).hexdigest() == row["sha256"]
        x, y, side = int(row["x"]), int(row["y"]), int(row["width"])
        assert (side, int(row["height"]), float(row["scale"])) == (32, 32, 1)
        pixels = read_picture(entry)
        assert (pixels == np.asarray(Image.open(io.BytesIO(source)))[y : y + 32, x : x + 32]).all()
        assert int(row["phash"], 16) == perceptual_hash(pixels)


def test_webdataset_reads_it(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.tar"
    make_pack([folder], pack, SMALL)
    samples: list[dict[str, Any]] = list(webdataset.WebDataset(str(pack), shardshuffle=False).decode("rgb8"))
    rows = rows_of(pack)
    assert [sample["__key__"] for sample in samples] == [row["key"] for row in rows]
    assert all(sample["webp"].shape == (32, 32, 3) for sample in samples)
    assert [sample["json"]["x"] for sample in samples] == [int(row["x"]) for row in rows]


def test_the_seed_says_all(folder: Path, tmp_path: Path) -> None:
    packs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_pack([folder], tmp_path / f"{name}.tar", PackSettings(size=32, per_source=2, seed=seed))
        packs.append((tmp_path / f"{name}.tar").read_bytes() + (tmp_path / f"{name}.csv").read_bytes())
    assert packs[0] == packs[1] != packs[2]


def test_a_process_of_its_own_changes_nothing(folder: Path, tmp_path: Path) -> None:
    for name, jobs in (("a", 0), ("b", 1)):
        make_pack([folder], tmp_path / f"{name}.tar", SMALL, jobs=jobs)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_what_looks_alike_is_taken_once(folder: Path, tmp_path: Path) -> None:
    pixels = smooth(0, 96, 128)
    again = {"again.jpg": as_jpeg(pixels), "smaller.png": png(np.asarray(Image.fromarray(pixels).resize((100, 75))))}
    report = make_pack([write_folder(folder, again)], tmp_path / "pack.tar", PackSettings(size=32, downscale=(1, 1)))
    assert report.sources == 3 and report.left_out["duplicate"] == 2


def test_crops_that_look_alike_are_taken_once(tmp_path: Path) -> None:
    """Of a picture of level stripes, whose crops are all the same."""
    stripes = png(np.repeat(smooth(0, 32, 8)[:, :1], 400, axis=1))
    report = make_pack([write_folder(tmp_path, {"stripes.png": stripes})], tmp_path / "pack.tar", SMALL)
    assert report.samples == 1 and report.left_out == {"duplicate crops": 1}


def test_coded_pictures_are_scaled_down(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": as_jpeg(smooth(0, 200, 240)), "b.png": png(smooth(1, 200, 240))})
    settings = PackSettings(size=32, per_source=3, downscale=(2, 4))
    make_pack([folder], tmp_path / "pack.tar", settings)
    scales = {name: [float(r["scale"]) for r in rows_of(tmp_path / "pack.tar") if r["source"] == name] for name in
              ("a.jpg", "b.png")}  # fmt: skip
    assert scales["a.jpg"] and all(1.95 <= scale <= 4.05 for scale in scales["a.jpg"])
    assert set(scales["b.png"]) == {1}
    make_pack([folder], tmp_path / "all.tar", PackSettings(size=32, downscale=(2, 4), downscale_all=True))
    assert all(float(row["scale"]) > 1.9 for row in rows_of(tmp_path / "all.tar"))


def test_small_flat_and_damaged_pictures_are_left_out(folder: Path, tmp_path: Path) -> None:
    odd = {
        "damaged.png": DAMAGED,
        "flat.png": png(np.full((96, 96, 3), 200, np.uint8)),
        "small.png": png(smooth(4, 24, 24)),
        "small.jpg": as_jpeg(smooth(5, 40, 40)),  # not when it is scaled down
    }
    with pytest.warns(WispNote, match=r"damaged\.png left out") as notes:
        report = make_pack([write_folder(folder, odd)], tmp_path / "pack.tar", SMALL)
    assert len(notes) == 1
    assert report.left_out == {"unreadable": 1, "flat": 1, "small": 2} and report.sources == 3


def test_textured_places_are_preferred() -> None:
    pixels = np.full((64, 256, 3), 128, np.uint8)
    pixels[:, 128:192] = smooth(0, 64, 64) // 8 + 112  # some
    pixels[:, 192:] = smooth(1, 64, 64)  # much
    where: Counter[str] = Counter()
    for seed in range(60):
        settings = PackSettings(size=32, per_source=1, texture=1.0)
        rng = np.random.default_rng(seed)
        (square,) = draw_squares((64, 256), texture_map(pixels), settings, (1, 1), 1.0, rng)
        assert square.x + 32 > 128
        where["much" if square.x + 16 >= 192 else "some"] += 1
    assert where["much"] > 2 * where["some"] > 0


def test_squares_of_a_picture_hardly_overlap() -> None:
    settings = PackSettings(size=32, per_source=9)
    picture = smooth(0, 64, 64)
    squares = draw_squares((64, 64), texture_map(picture), settings, (1, 1), 0, np.random.default_rng(0))
    assert 1 < len(squares) < 9
    assert not any(a.overlaps(b) for i, a in enumerate(squares) for b in squares[:i])


def test_means_of_squares() -> None:
    values = np.arange(30, dtype=np.float32).reshape(5, 6)
    assert StrengthMap(values, 2).mean(2, 4, 4) == pytest.approx(values[2:4, 1:3].mean())
    assert StrengthMap(values, 2).mean(11, 9, 1) == pytest.approx(29)


def test_what_is_to_be_tested_with_is_kept_out(tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    test_picture = np.ascontiguousarray(photograph[::3, ::3])
    image = Image.fromarray(test_picture)
    testset = write_folder(tmp_path / "testset", {"test.png": png(test_picture)})
    leaks = {
        "same.jpg": as_jpeg(test_picture, 60),
        "larger.png": png(np.asarray(image.resize((384, 256), Image.Resampling.BICUBIC))),
        "mirrored.png": png(test_picture[:, ::-1]),
        "part.png": png(np.asarray(image.crop((20, 10, 230, 160)))),
    }
    sources = write_folder(tmp_path / "sources", {**leaks, "other.png": png(smooth(1, 96, 128))})
    settings = PackSettings(size=32, downscale=(1, 1))
    report = make_pack([sources], tmp_path / "pack.tar", settings, exclude=[testset])
    assert {row["source"] for row in rows_of(tmp_path / "pack.tar")} == {"other.png"}
    assert report.left_out["excluded"] == 4


def test_a_crop_that_is_a_test_picture_is_kept_out(tmp_path: Path) -> None:
    """The hash of the crop finds what those of the whole picture cannot."""
    large = smooth(2, 256, 256)
    testset = write_folder(tmp_path / "testset", {"t.png": png(large[100:132, 60:92])})
    excluded = Excluded([testset])
    assert excluded and excluded.has_hash(perceptual_hash(large[100:132, 60:92]))
    assert not excluded.has_hash(perceptual_hash(large[20:52, 60:92])) and not Excluded()


def test_test_pictures_that_cannot_be_read_are_refused(folder: Path, tmp_path: Path) -> None:
    testset = write_folder(tmp_path / "testset", {"t.png": DAMAGED})
    with pytest.raises(FileAccessError, match=r"t\.png, which is to be kept out, cannot be read"):
        make_pack([folder], tmp_path / "pack.tar", SMALL, exclude=[testset])
    with pytest.raises(FileAccessError, match="no pictures in"):
        Excluded([write_folder(tmp_path / "empty", {"x.txt": b""})])
    assert not (tmp_path / "pack.tar").exists()


def test_no_part_of_a_pack_is_left_where_there_is_none(tmp_path: Path) -> None:
    flat = write_folder(tmp_path / "flat", {"a.png": png(np.zeros((96, 96, 3), np.uint8))})
    with pytest.raises(FileAccessError, match="nothing was taken for the pack: 1 flat"):
        make_pack([flat], tmp_path / "pack.tar", SMALL)
    with pytest.raises(RequestError, match=r"a pack's name ends in \.tar"):
        make_pack([flat], tmp_path / "pack.zip", SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flat"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut, seen = PictureCutter.__call__, list[Entry]()

    def interrupted(cutter: PictureCutter, entry: Entry) -> Cut:
        seen.append(entry)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return cut(cutter, entry)

    monkeypatch.setattr(PictureCutter, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_pack([folder], tmp_path / "pack.tar", SMALL)
    gc.collect()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures"]


def test_neither_pack_nor_list_is_written_over_unasked(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pack.csv").write_text("mine")
    with pytest.raises(OutputExistsError):
        make_pack([folder], tmp_path / "pack.tar", SMALL)
    assert (tmp_path / "pack.csv").read_text() == "mine" and not (tmp_path / "pack.tar").exists()
    make_pack([folder], tmp_path / "pack.tar", SMALL, writing=Writing(overwrite=True))
    assert len(rows_of(tmp_path / "pack.tar")) == 6


def test_a_limit_ends_it(folder: Path, tmp_path: Path) -> None:
    report = make_pack([folder], tmp_path / "pack.tar", PackSettings(size=32, per_source=2, limit=3))
    assert report.samples == 3 and len(find_pictures([tmp_path / "pack.tar"])) == 3


def test_avif_and_graphics(folder: Path, tmp_path: Path) -> None:
    settings = PackSettings(size=32, per_source=1, picture_format="avif", graphics=True)
    make_pack([folder], tmp_path / "pack.tar", settings)
    entries = find_pictures([tmp_path / "pack.tar"])
    assert all(entry.name.startswith("pack.tar/g_") and entry.name.endswith(".avif") for entry in entries)
    row = rows_of(tmp_path / "pack.tar")[0]
    crop = smooth(int(row["source"][0]), 96, 128)[int(row["y"]) :][:32, int(row["x"]) :][:, :32]
    pixels = dict(read_pictures(entries))[0]
    assert 0 < np.abs(pixels.astype(int) - crop).mean() < 4


def test_formats_that_lose_something() -> None:
    pixels = smooth(0, 32, 32)
    lossy = io.BytesIO()
    Image.fromarray(pixels).save(lossy, "webp", quality=80)
    assert is_lossy(as_jpeg(pixels)) and is_lossy(lossy.getvalue()) and is_lossy(encoded(pixels, "avif"))
    assert not is_lossy(encoded(pixels, "webp")) and not is_lossy(png(pixels))


def test_hashes_are_found_within_some_bits() -> None:
    hashes = Hashes()
    assert not hashes.has_near(0, 64)
    for one in range(200):
        hashes.add(one << 40)
    assert len(hashes) == 200
    assert hashes.has_near((77 << 40) | 0b111, 3) and not hashes.has_near((77 << 40) | 0b111, 2)


@pytest.mark.parametrize("library", ["imagehash", "webdataset"])
def test_a_library_that_is_missing_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnsupportedError, match=rf"{library} is needed .*: pip install 'wisp-codec\[train\]'"):
        make_pack([folder], tmp_path / "pack.tar", SMALL)
    assert not (tmp_path / "pack.tar").exists()


@pytest.mark.parametrize(
    "wrong", [{"downscale": (0.5, 2)}, {"downscale": (3, 2)}, {"size": 0}, {"texture": -1}, {"frames": 1}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        PackSettings(**wrong)
