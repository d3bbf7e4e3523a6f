"""`wisp bench rd` killed and interrupted while points come, and run again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.rd.choose import chosen_codecs
from benchmarks.rd.records import Point, from_line
from benchmarks.rd.results import FILE_NAME, read_results
from tests.support.bench_codecs import one_process, picture_folder
from tests.support.bench_runner import results
from tests.support.cli_runner import SECONDS, start_wisp, succeed, wait_for
from tests.support.signals import Place, finished, send


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run in an empty folder, and the benchmark within this process."""
    monkeypatch.chdir(tmp_path)
    with one_process():
        yield


def many_pictures(folder: Path) -> None:
    """So many that a run is still at work when its first points are there."""
    picture_folder(folder, [f"{number:03}" for number in range(150)])


COMMAND = ("bench", "rd", "--images", "set=pictures", "-o", "out", "--codecs", "jpeg420,webp", "--jobs", "2",
           "--measures", "psnr", "--no-viewer")  # fmt: skip


def are_at_work(path: Path) -> bool:
    """Whether both codecs have made points."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return all(sum(b'"codec": "%s"' % codec in line for line in lines) >= 10 for codec in (b"jpeg420", b"webp"))


@pytest.mark.slow
def test_killed_and_run_again(tmp_path: Path) -> None:
    many_pictures(Path("pictures"))
    path = Path("out", FILE_NAME)
    process = start_wisp(*COMMAND, cwd=tmp_path)
    with process:
        wait_for(lambda: are_at_work(path), process)
        process.kill()
        process.communicate(timeout=SECONDS)  # ends when every process has ended: each holds the pipe of standard error
    left = path.read_bytes().split(b"\n")
    there = [record for record in map(from_line, (line.decode() for line in left[:-1])) if isinstance(record, Point)]
    used = chosen_codecs(["jpeg420", "webp"], (), slow=False)
    every = {("set", f"{n:03}", codec.id, quality) for n in range(150) for codec in used for quality in codec.qualities}
    assert 20 <= len(there) < len(every)
    done = succeed(*COMMAND)
    assert f"{len(there):,} points are there already, {len(every) - len(there):,} to do" in done.stderr
    points = results().points
    assert len(points) == len(every) and {p.key for p in points} == every
    assert [p for p in points if p in there] == there  # with their seconds: they were not made again


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("whom", ["one", "all"])
@pytest.mark.slow
def test_interrupted(whom: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    many_pictures(place.folder / "pictures")
    path = place.folder / "out" / FILE_NAME
    with place.start(*COMMAND) as process:
        wait_for(lambda: are_at_work(path), process)
        send(process, "SIGINT", whom)
        assert finished(process, "bench rd") == 128 + signal.SIGINT
    assert len(read_results(path).points) >= 20 and path.read_bytes().endswith(b"\n")
    assert not [*path.parent.glob("*.part")]
