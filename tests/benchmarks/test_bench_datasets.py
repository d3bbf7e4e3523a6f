"""Pictures of the benchmark: folders, the bundled set, sizes, the LIVE release, and what is refused."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets import (
    BUNDLED,
    RESTORED,
    Sample,
    bundled,
    chosen_samples,
    digest,
    folder_samples,
    read_picture,
    released_jpegs,
    restoration_samples,
)
from benchmarks.machine import machine, versions
from benchmarks.rd.choose import chosen_pictures
from bitstream.errors import CorruptError, FileAccessError, RequestError
from codec.notes import WispNote
from tests.support.bench_codecs import live_release, paint, picture_folder


def test_a_folder_is_its_pictures_by_name(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "holiday", "cab")
    Image.fromarray(paint(9)).save(folder / "d.JPG", "jpeg")
    for other in ("notes.txt", ".hidden.png"):
        (folder / other).write_text("no picture")
    picture_folder(folder / "below")
    with pytest.warns(WispNote, match=f"1 files of {folder} are no pictures"):
        samples = folder_samples("holiday", folder)
    assert [(sample.dataset, sample.name, sample.path.name) for sample in samples] == [
        ("holiday", "a", "a.png"), ("holiday", "b", "b.png"), ("holiday", "c", "c.png"), ("holiday", "d", "d.JPG"),
    ]  # fmt: skip


def test_pictures_of_one_stem_keep_their_endings(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "b.png", "a.png.png", "c.png"):
        Image.fromarray(paint(1)).save(tmp_path / name)
    names = [sample.name for sample in folder_samples("set", tmp_path)]
    assert names == ["a.bmp", "a.png", "a.png.png", "b", "c"]


def test_a_named_set_of_another_size_is_told(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "some")
    with pytest.warns(WispNote, match="kodak usually has 24 pictures, .* has 2"):
        assert len(chosen_samples([f"kodak={folder}"])) == 2
    with pytest.warns(WispNote, match="clic usually has 41 or 250 pictures"):
        chosen_samples([f"clic={folder}"])


def test_sets_are_named_by_the_user_or_by_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture_folder(tmp_path / "holiday")
    assert {sample.dataset for sample in chosen_samples(["holiday", "other=holiday"])} == {"holiday", "other"}
    assert chosen_samples([]) == chosen_samples([BUNDLED]) == bundled()
    assert len(bundled()) == len({sample.name for sample in bundled()}) == 29


@pytest.mark.filterwarnings("ignore:live usually has")
@pytest.mark.parametrize("images", [("set={0}", "set={1}"), ("{0}", "{0}"), ("live", "live={0}")])
def test_two_sets_of_one_name_are_refused(images: tuple[str, ...], tmp_path: Path) -> None:
    folders = [picture_folder(tmp_path / name) for name in ("first", "second")]
    with pytest.raises(RequestError, match=r"two sets are called .*: write NAME=DIR"):
        chosen_samples([text.format(*folders) for text in images])


@pytest.mark.parametrize("name", ["", "..", "a/b", "../up", RESTORED])
def test_a_set_needs_a_name_that_folders_can_have(name: str, tmp_path: Path) -> None:
    """It is a part of the names of kept files."""
    with pytest.raises(RequestError, match="a set cannot have the name"):
        chosen_samples([f"{name}={picture_folder(tmp_path / 'some')}"])


def test_folders_that_hold_nothing_or_are_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(RequestError, match=f"no pictures in {tmp_path}"), pytest.warns(WispNote):
        folder_samples("set", tmp_path)
    for missing in (tmp_path / "missing", tmp_path / "notes.txt"):
        with pytest.raises(FileAccessError, match=str(missing)):
            folder_samples("set", missing)


def test_any_picture_is_read_as_rgb_without_alpha(tmp_path: Path) -> None:
    pixels = paint(1)
    alpha = np.dstack([pixels, np.full(pixels.shape[:2], 7, np.uint8)])
    for name, image in (("rgba", Image.fromarray(alpha)), ("grey", Image.fromarray(pixels[:, :, 0]))):
        image.save(tmp_path / f"{name}.png")
    assert np.array_equal(Sample("set", "rgba", tmp_path / "rgba.png").read()[0], pixels)
    assert np.array_equal(read_picture(tmp_path / "grey.png"), np.repeat(pixels[:, :, :1], 3, axis=2))


def test_resized_as_pillow_does_it_by_hand() -> None:
    sample = bundled(224)[0]
    source, reference = sample.read()
    by_hand = Image.open(sample.path).convert("RGB").resize((224, 224), Image.Resampling.LANCZOS)
    assert source is reference and source.shape == (224, 224, 3)
    assert np.array_equal(source, np.asarray(by_hand))


def test_a_digest_names_the_pixels() -> None:
    a, b = paint(1), paint(2)
    changed = a.copy()
    changed[3, 4, 1] ^= 1
    others = [digest(b, b), digest(a, b), digest(b, a), digest(changed, changed), digest(*[a.reshape(32, 24, 3)] * 2)]
    assert digest(a, a) == digest(a.copy(), a.copy()) and len(digest(a, a)) == 16
    assert len({digest(a, a), *others}) == 6


def test_a_picture_and_its_reference_must_agree_in_size(tmp_path: Path) -> None:
    picture_folder(tmp_path, "a")
    picture_folder(tmp_path, "b", width=33)
    with pytest.raises(CorruptError, match="another size than its reference"):
        Sample("set", "a", tmp_path / "a.png", tmp_path / "b.png").read()


# The LIVE release


@pytest.mark.parametrize("above", ["", "databaserelease2"])
def test_the_release_states_its_rates(above: str, tmp_path: Path) -> None:
    root = live_release(tmp_path / "live" / above)
    jpegs = released_jpegs(tmp_path / "live")
    assert [(jpeg.reference.name, jpeg.path, jpeg.bpp) for jpeg in jpegs] == [
        ("house", root / "jpeg" / "img3.bmp", 0.8453),
        ("house", root / "jpeg" / "img7.bmp", 0.2),
        ("woman", root / "jpeg" / "img9.bmp", 1.5),
    ]
    assert {jpeg.reference for jpeg in jpegs} == {
        Sample(BUNDLED, name, root / "refimgs" / f"{name}.bmp") for name in ("house", "woman")
    }


def test_its_jpegs_are_inputs_beside_the_pristine_references(tmp_path: Path) -> None:
    root = live_release(tmp_path / "live")
    samples, jpegs = chosen_pictures([], root, None, quick=False)
    assert len(jpegs) == 3
    assert [(sample.dataset, sample.name) for sample in samples] == [
        (BUNDLED, "house"), (BUNDLED, "woman"),
        (RESTORED, "house-img3"), (RESTORED, "house-img7"), (RESTORED, "woman-img9"),
    ]  # fmt: skip
    harmed, pristine = restoration_samples(jpegs)[0].read()
    assert np.array_equal(harmed, np.asarray(Image.open(root / "jpeg" / "img3.bmp")))
    assert np.array_equal(pristine, np.asarray(Image.open(root / "refimgs" / "house.bmp")))
    assert not np.array_equal(harmed, pristine)


@pytest.mark.parametrize(
    "line",
    [
        "house.bmp img4.bmp",
        "house.bmp img4.bmp 0.5 x",
        *(f"house.bmp img4.bmp {r}" for r in ("much", "nan", "inf", "-1")),
    ],
)
def test_a_broken_line_of_its_list_is_named(line: str, tmp_path: Path) -> None:
    root = live_release(tmp_path / "live")
    listing = root / "jpeg" / "info.txt"
    lines = listing.read_text().splitlines()
    listing.write_text(f"\n{listing.read_text().replace(lines[3], line)}")
    with pytest.raises(CorruptError, match=r"info\.txt, line 5: (not a reference, a file and a rate|.* is no rate)"):
        released_jpegs(root)


def test_a_second_picture_of_one_reference_and_rate_is_left_out(tmp_path: Path) -> None:
    """Both name the point, which may be there once."""
    root = live_release(tmp_path / "live")
    listing = root / "jpeg" / "info.txt"
    listing.write_text(f"{listing.read_text()}house.bmp img99.bmp 0.8453\n")
    with pytest.warns(WispNote, match=r"info\.txt, line 5: a second picture of house"):
        assert [jpeg.path.stem for jpeg in released_jpegs(root)] == ["img3", "img7", "img9"]


def test_what_is_not_the_release(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="not the LIVE release"):
        released_jpegs(tmp_path)
    root = live_release(tmp_path / "live")
    (root / "jpeg" / "info.txt").write_bytes(b"h\xe4user.bmp img3.bmp 0.5\n")
    with pytest.raises(FileAccessError, match="not the LIVE release"):
        released_jpegs(root)


@pytest.mark.filterwarnings("ignore:live usually has")
def test_what_cannot_be_had_with_the_release(tmp_path: Path) -> None:
    root = live_release(tmp_path / "live")
    with pytest.raises(RequestError, match="--resize"):
        chosen_pictures([], root, 224, quick=False)
    with pytest.raises(RequestError, match="brings the set live itself"):
        chosen_pictures([f"live={root / 'refimgs'}"], root, None, quick=False)
    both, _ = chosen_pictures([f"other={root / 'refimgs'}"], root, None, quick=False)
    assert {sample.dataset for sample in both} == {BUNDLED, "other", RESTORED}


def test_quick_is_four_pictures_of_every_set(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "some", "abcdefg")
    root = live_release(tmp_path / "live")
    shutil.copy(root / "refimgs" / "house.bmp", folder / "h.bmp")
    samples, _ = chosen_pictures([f"some={folder}", "live"], None, None, quick=True)
    by_set = {name: [s.name for s in samples if s.dataset == name] for name in ("some", BUNDLED)}
    assert by_set["some"] == ["a", "c", "f", "h"]
    assert len(by_set[BUNDLED]) == 4 and by_set[BUNDLED][0] == "bikes" and by_set[BUNDLED][-1] == "womanhat"


def test_where_a_result_was_made() -> None:
    here = machine()
    assert here["python"] == platform.python_version() and int(here["cores"]) >= 1 and here["processor"]
    assert versions()["numpy"] == np.__version__ and "no-such-package" not in versions()
