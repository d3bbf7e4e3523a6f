"""The folder of a run: when it is taken, what it holds, who may write there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from codec.training.run import Run
from codec.training.session import train
from tests.support.training import small_recipe, write_pictures


def test_a_mistake_leaves_no_run_behind_and_loses_none(tmp_path: Path) -> None:
    pictures, empty, out = write_pictures(tmp_path / "pictures", 4), tmp_path / "empty", tmp_path / "run"
    empty.mkdir()
    with pytest.raises(FileAccessError, match="no pictures"):
        train(small_recipe(steps=1), [empty], out, device="cpu")
    with pytest.raises(RequestError, match="no part"):
        train(small_recipe(steps=1, train=("nothing",)), [pictures], out, device="cpu")
    train(small_recipe(steps=1), [pictures], out, device="cpu")
    with pytest.raises(FileAccessError, match="no pictures"):
        train(small_recipe(steps=2), [empty], out, device="cpu", overwrite=True)
    assert Run.open(out).recipe().steps == 1 and Run.open(out).best().exists()
    with pytest.raises(OutputExistsError):
        train(small_recipe(steps=1), [pictures], out, device="cpu")


def test_a_run_goes_on_with_its_own_pictures_alone(tmp_path: Path) -> None:
    recipe, sources = small_recipe(), [tmp_path / "a", tmp_path / "b"]
    run = Run.begin(tmp_path / "run", recipe, sources, resume=False, overwrite=False)
    Run.begin(tmp_path / "run", recipe, sources, resume=True, overwrite=False)
    with pytest.raises(RequestError, match=r"begun on other pictures, see its data.txt"):
        Run.begin(tmp_path / "run", recipe, [tmp_path / "a"], resume=True, overwrite=False)
    (tmp_path / "run" / "data.txt").unlink()
    with pytest.raises(FileAccessError, match=r"data.txt: No such file"):
        run.sources()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Run(tmp_path / "run").locked(), pytest.raises(FileAccessError, match="in use"):
        train(small_recipe(steps=1), [tmp_path], tmp_path / "run", device="cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes there")
def test_sources_of_any_name_are_found_again(tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("a b", "two\nlines", "\u2028", "😀", os.fsdecode(b"\xff"), '"quoted"')]
    run = Run.begin(tmp_path / "run", small_recipe(), sources, resume=False, overwrite=False)
    assert run.sources() == [source.resolve() for source in sources]
