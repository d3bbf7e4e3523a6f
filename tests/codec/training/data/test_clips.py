"""Clips of videos: of one scene, moving, the same square of consecutive frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.errors import FileAccessError
from codec.notes import WispNote
from codec.training.data.clips import SceneCuts
from codec.training.data.pack import make_pack
from codec.training.data.settings import PackSettings
from codec.training.data.sources import find_pictures, read_picture
from tests.codec.training.data.pictures import png, smooth, write_folder
from tests.codec.training.data.test_pack import rows_of
from tests.support.media_files import write_clip

HEIGHT, WIDTH = 64, 96
CLIPS = PackSettings(size=32, frames=3, per_source=4, downscale=(1, 2))


def pan(seed: int, count: int, speed: int = 2) -> list[NDArray[np.uint8]]:
    """A window that moves over a picture."""
    wide = smooth(seed, HEIGHT, WIDTH + 8 * ((count * speed) // 8 + 1))
    return [np.ascontiguousarray(wide[:, speed * i : speed * i + WIDTH]) for i in range(count)]


def video(path: Path, frames: list[NDArray[np.uint8]]) -> Path:
    """Without loss."""
    write_clip(path, frames, "ffv1", "bgr0")
    return path


def test_scenes_begin_where_the_picture_changes() -> None:
    frames = [*pan(0, 5), *pan(1, 4), *pan(2, 3)]
    cuts = SceneCuts()
    assert [i for i, frame in enumerate(frames) if cuts.begins(frame)] == [0, 5, 9]


def test_a_cut_in_calm_scenes_is_seen_too() -> None:
    """Two pictures of the same brightness and colours."""
    picture = smooth(3, HEIGHT, WIDTH)
    cuts = SceneCuts()
    calm = [np.clip(picture.astype(int) + i % 2, 0, 255).astype(np.uint8) for i in range(4)]
    assert [cuts.begins(frame) for frame in (*calm, picture[::-1], picture[::-1])] == [True, *[False] * 3, True, False]


def test_clips_are_columns_of_frames_of_one_scene(tmp_path: Path) -> None:
    frames = [*pan(0, 7), *pan(1, 8)]
    video(tmp_path / "v.mkv", frames)
    report = make_pack([tmp_path / "v.mkv"], tmp_path / "clips.tar", CLIPS)
    assert report.sources == 1 and 2 <= report.samples <= 4
    rows = rows_of(tmp_path / "clips.tar")
    assert {int(row["first_frame"]) for row in rows} <= {0, 3, 7, 10}
    for row, entry in zip(rows, find_pictures([tmp_path / "clips.tar"], clips=True), strict=True):
        assert entry.name == f"clips.tar/v_{row['source_sha256'][:12]}_{row['key'][-1]}.webp"
        column = read_picture(entry)
        assert column.shape == (3 * 32, 32, 3) and int(row["frames"]) == 3
        x, y, first = int(row["x"]), int(row["y"]), int(row["first_frame"])
        if row["width"] == "32":
            shown = [frame[y : y + 32, x : x + 32] for frame in frames[first : first + 3]]
            assert (column == np.concatenate(shown)).all()
        assert float(row["seconds"]) == pytest.approx(first / 25, abs=1e-3)
        assert float(row["motion"]) > 0.5
    make_pack([tmp_path], tmp_path / "again.tar", CLIPS)
    assert (tmp_path / "again.tar").read_bytes() == (tmp_path / "clips.tar").read_bytes()


def test_moving_clips_are_preferred_and_still_ones_left_out(tmp_path: Path) -> None:
    still = [smooth(5, HEIGHT, WIDTH)] * 9
    video(tmp_path / "still.mkv", still)
    moving = [*pan(5, 6), *still, *pan(6, 6)]
    video(tmp_path / "moving.mkv", moving)
    settings = PackSettings(size=32, frames=3, per_source=9, downscale=(1, 1))
    report = make_pack([tmp_path / "still.mkv", tmp_path / "moving.mkv"], tmp_path / "clips.tar", settings)
    assert report.left_out["still"] == 1
    firsts = {int(row["first_frame"]) for row in rows_of(tmp_path / "clips.tar")}
    assert firsts and not firsts & set(range(6, 13))


def test_short_small_and_damaged_videos_are_left_out(tmp_path: Path) -> None:
    video(tmp_path / "a.mkv", pan(0, 6))
    video(tmp_path / "short.mkv", pan(1, 2))
    video(tmp_path / "small.mkv", [frame[:16, :16] for frame in pan(2, 3)])
    (tmp_path / "damaged.mkv").write_bytes(b"no video")
    with pytest.warns(WispNote, match=r"damaged\.mkv left out") as notes:
        report = make_pack([tmp_path], tmp_path / "clips.tar", CLIPS)
    assert len(notes) == 1 and report.sources == 1
    assert report.left_out == {"short": 1, "small": 1, "unreadable": 1}


def test_test_videos_and_their_frames_are_kept_out(tmp_path: Path) -> None:
    frames = pan(0, 6)
    video(tmp_path / "v.mkv", frames)
    video(tmp_path / "other.mkv", pan(1, 6))
    for testset in (
        write_folder(tmp_path / "pictures", {"frame.png": png(frames[1])}),
        video(tmp_path / "same.avi", frames),
    ):
        target = tmp_path / f"{testset.stem}.tar"
        make_pack([tmp_path / "v.mkv", tmp_path / "other.mkv"], target, CLIPS, exclude=[testset])
        assert all(row["source"] == "other.mkv" or int(row["first_frame"]) > 0 for row in rows_of(target))


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="no videos in"):
        make_pack([write_folder(tmp_path, {"a.png": b""})], tmp_path / "clips.tar", CLIPS)
