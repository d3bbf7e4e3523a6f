"""Where training pictures come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bitstream.errors import FileAccessError, WispError
from codec.notes import WispNote
from codec.training.data.sources import Entry, find_pictures, read_picture, read_pictures, spread
from tests.codec.training.data.pictures import DAMAGED, noise, png, write_folder, write_tar


def test_pictures_are_found_in_folders_tars_and_alone(tmp_path: Path) -> None:
    some = {"b.png": png(noise(0)), "a/c.JPG": b"", "a/notes.txt": b"", ".hidden.png": b"", ".git/d.png": b""}
    folder = write_folder(tmp_path / "pictures", some)
    write_tar(folder / "pack.tar", {"z.png": png(noise(1)), "z.json": b"{}", "y/x.webp": b"", "y/._x.webp": b""})
    alone = tmp_path / "alone.bin"
    alone.write_bytes(png(noise(2)))
    found = find_pictures([folder, alone])
    assert [entry.name for entry in found] == ["a/c.JPG", "b.png", "pack.tar/z.png", "pack.tar/y/x.webp", "alone.bin"]
    pictures = [read_picture(found[i]) for i in (1, 2, 4)]
    assert all((pixels == noise(seed)).all() for seed, pixels in enumerate(pictures))


def test_names_are_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    names = []
    for place in ("here", "somewhere/else"):
        write_folder(tmp_path / place, {"x.png": b"", "y/z.png": b""})
        names.append([entry.name for entry in find_pictures([tmp_path / place])])
    assert names[0] == names[1]


def test_what_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="nowhere: no such file or folder"):
        find_pictures([tmp_path / "nowhere"])
    with pytest.raises(FileAccessError, match="no pictures in"):
        find_pictures([write_folder(tmp_path, {"readme.txt": b""})])


def test_a_damaged_tar_gives_what_can_be_read(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "cut.tar", {"a.png": png(noise(0)), "b.png": png(noise(1))})
    tar.write_bytes(tar.read_bytes()[: 512 + (len(png(noise(0))) // 512 + 1) * 512 + 100])
    with pytest.warns(WispNote, match=r"cut\.tar is damaged"):
        assert [entry.name for entry in find_pictures([tar])] == ["cut.tar/a.png"]


def test_pixels_are_rgb_whatever_the_mode(tmp_path: Path) -> None:
    grey = noise(3)[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(noise(4)).quantize(4).save(tmp_path / "palette.png")
    see_through = np.dstack([noise(5), np.full((24, 32), 255, np.uint8)])
    see_through[:4, :4, 3] = 0
    Image.fromarray(see_through).save(tmp_path / "alpha.png")
    alpha, plain, palette = (read_picture(entry) for entry in find_pictures([tmp_path]))
    assert alpha.shape == plain.shape == palette.shape == (24, 32, 3)
    assert (plain == grey[:, :, None]).all()
    hidden = see_through[:, :, 3] == 0
    assert (alpha == noise(5))[~hidden].all()
    assert not (alpha == noise(5))[hidden].all()


def test_what_cannot_be_read_is_named_and_left_out(tmp_path: Path) -> None:
    files = {"a.png": png(noise(0)), "b.png": DAMAGED, "c.png": png(noise(1)), "d.png": png(noise(2, 3, 3))}
    entries = find_pictures([write_folder(tmp_path, files)])

    def large(pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        if pixels.shape[0] < 10:
            raise WispError("small")
        return pixels

    with pytest.warns(WispNote) as notes:
        read = dict(read_pictures(entries, large))
    assert sorted(read) == [0, 2]
    assert (read[2] == noise(1)).all()
    told = [str(one.message) for one in notes]
    assert len(told) == 2 and told[0].startswith("b.png left out: ") and told[1] == "d.png left out: small"


def test_a_picture_that_vanished_is_named_too(tmp_path: Path) -> None:
    with pytest.warns(WispNote, match=r"gone\.png left out: No such file"):
        assert not list(read_pictures([Entry("gone.png", tmp_path / "gone.png")]))


def test_names_of_packs_say_kind_and_picture() -> None:
    graphics, photograph = Entry("x.tar/g_a5d9c00e90a3_0.avif", Path()), Entry("p_68aae2f6385d_12.webp", Path())
    assert not graphics.is_photograph and photograph.is_photograph and Entry("IMG_1.jpg", Path()).is_photograph
    assert photograph.group == Entry("y.tar/p_68aae2f6385d_3.webp", Path()).group
    assert Entry("IMG_0001.jpg", Path()).group != Entry("IMG_0002.jpg", Path()).group


def test_clips_are_no_pictures_to_crop(tmp_path: Path) -> None:
    names = ["v_dfbb58a7b6_s1c0.webp", "p_68aae2f6385d_0.webp", "v_1.png"]
    tar = write_tar(tmp_path / "mixed.tar", dict.fromkeys(names, b""))
    assert [entry.name for entry in find_pictures([tar])] == ["mixed.tar/p_68aae2f6385d_0.webp", "mixed.tar/v_1.png"]
    assert [entry.name for entry in find_pictures([tar], clips=True)] == ["mixed.tar/v_dfbb58a7b6_s1c0.webp"]
    with pytest.raises(FileAccessError, match="no pictures in"):
        find_pictures([write_tar(tmp_path / "clips.tar", {names[0]: b""})])


def test_some_are_spread_evenly() -> None:
    assert spread(range(12), 4) == [0, 3, 6, 9]
    assert spread(range(3), 9) == [0, 1, 2]


def test_sheets_of_runs_are_no_pictures_to_train_on(tmp_path: Path) -> None:
    for name in ("a.png", "run/sheets/step-0000002.png", "other/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("run/recipe.toml", "run/data.txt", "other/recipe.toml"):
        (tmp_path / name).touch()
    assert [entry.name for entry in find_pictures([tmp_path])] == ["a.png", "other/b.png"]
