"""One video in several threads and processes: closing under a reader, pickling, PyTorch's DataLoader."""

from __future__ import annotations

import copy
import io
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import codec
from codec.api import Codec
from codec.sequence.video import Video, open_video
from codec.still.decode import Decoding
from tests.support.cli_runner import SECONDS
from tests.support.clips import forward, moving, written

COUNT = 6
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture(scope="module")
def path(wisp: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey frames, each of its own."""
    path = tmp_path_factory.mktemp("sharing") / "a.wisp"
    path.write_bytes(written(wisp, [np.full((8, 8, 3), 20 * i, np.uint8) for i in range(COUNT)], lossless=True))
    return path


@pytest.fixture(scope="module")
def learned(wisp: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames that take a network."""
    path = tmp_path_factory.mktemp("sharing") / "learned.wisp"
    path.write_bytes(written(wisp, moving(4, (64, 64)), quality=40))
    return path


def read_all(video: Video) -> list[int]:
    return [frame.number for frame in iter(video.read, None)]


# Closing


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "use",
    [read_all, lambda video: [frame.number for frame in video], lambda video: video[2], lambda video: list(video[1:])],
)
def test_closing_under_a_thread_that_reads(
    wisp: Codec, path: Path, use: Callable[[Video], Any], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither waits for the other, nothing is left open and no thread runs on; the reader hears of it."""
    begun, go_on, run, before = threading.Event(), threading.Event(), Decoding.run, set(threading.enumerate())

    def slowly(*args: Any) -> None:
        begun.set()
        go_on.wait(SECONDS)
        run(*args)

    monkeypatch.setattr(Decoding, "run", slowly)
    video = open_video(path, codec=wisp, workers=workers)
    file, found = video._coded._source, []

    def work() -> None:
        try:
            found.append(use(video))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(SECONDS)
    video.close()
    assert not file.closed  # it is being read
    with pytest.raises(ValueError, match="the video is closed"):
        video[0]
    go_on.set()
    thread.join(SECONDS)
    assert file.closed
    (end,) = found
    assert getattr(end, "number", None) == 2 or (isinstance(end, ValueError) and "the video is closed" in str(end))
    for left in set(threading.enumerate()) - before:
        left.join(SECONDS)
        assert not left.is_alive()


def test_closing_while_a_pipe_is_waited_for(wisp: Codec, path: Path) -> None:
    source, producer = os.pipe()
    ends: list[object] = []
    with os.fdopen(source, "rb") as stream:
        data = path.read_bytes()
        os.write(producer, data[: data.index(b"FRAM", data.index(b"FRAM") + 4) + 2])
        video = open_video(stream, codec=wisp)
        assert next(video).number == 0

        def wait() -> None:
            try:
                ends.append(video.read())
            except Exception as error:
                ends.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        video.close()
        with pytest.raises(ValueError, match="closed"):
            video.read()
        os.close(producer)
        thread.join(SECONDS)
    assert isinstance(ends[0], codec.TruncatedError) or "closed" in str(ends[0])


def test_a_pass_of_several_threads(wisp: Codec, path: Path) -> None:
    """Seeking goes on meanwhile."""
    with open_video(path, codec=wisp, workers=2) as video:
        shared, numbers, faults = video.frames(), list[int](), list[Exception]()

        def work() -> None:
            try:
                for frame in shared:
                    numbers.append(frame.number)
                    for other in (3, 1):
                        video.go_to(other)
                        video.read()
                        video.seek(0.1)
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
    assert not faults and sorted(numbers) == list(range(COUNT))


# Other processes


@pytest.mark.parametrize("salvage", [False, True])
def test_a_video_pickles(wisp: Codec, path: Path, salvage: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with open_video(path.name, codec=wisp, workers=2, salvage=salvage) as video:
        next(video)
        stored = pickle.dumps(video)
        monkeypatch.chdir("/")
        with pickle.loads(stored) as again:
            assert repr(again) == repr(video) and (again.workers, again.seekable) == (2, not salvage)
            assert [frame.number for frame in (next(video), next(again))] == [1, 1]
            assert read_all(again) == list(range(2, COUNT))
        if not salvage:
            view = pickle.loads(pickle.dumps(video[1:4]))
            assert [frame.number for frame in view] == [1, 2, 3]
            with copy.copy(video) as other:
                assert other.read() is not None and video.position == 2
    with pytest.raises(ValueError, match="the video is closed"):
        pickle.dumps(video)


def test_a_video_that_cannot_pickle(wisp: Codec, path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    with open_video(io.BytesIO(data), codec=wisp) as video, pytest.raises(codec.RequestError, match="by its path"):
        pickle.dumps(video)
    with (
        open_video(forward(data), codec=wisp) as video,
        pytest.raises(codec.NotSeekableError, match="only reads forward"),
    ):
        pickle.dumps(video)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        thread = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data))
        thread.start()
        with open_video(tmp_path / "pipe", codec=wisp) as video:
            with pytest.raises(codec.NotSeekableError, match="only reads forward"):
                pickle.dumps(video)
            assert len(list(video)) == COUNT
        thread.join(SECONDS)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_pass_does_not_go_on_in_a_forked_process(wisp: Codec, path: Path, workers: int) -> None:
    with open_video(path, codec=wisp, workers=workers) as video:
        passing = iter(video)
        next(passing)
        child = os.fork()
        if child == 0:
            import signal

            signal.alarm(30)
            try:
                next(passing)
            except codec.RequestError:
                os._exit(0 if [frame.number for frame in video] == list(range(COUNT)) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert next(passing).number == 1


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Of torch's: with one there is nothing that a forked process could wait for."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Clips(Dataset[Any]):
    """As one would write it."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, i: int) -> Any:
        return self.video[i].pixels


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("start", "workers"), [("fork", 1), ("fork", 2), pytest.param("spawn", 1, marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("two_threads")
def test_a_data_loader(wisp: Codec, learned: Path, start: str, workers: int) -> None:
    """Of learned frames, which the parent has decoded before."""
    with open_video(learned, codec=wisp, workers=workers) as video:
        wanted = np.stack([frame.pixels for frame in video])
        loader = DataLoader(Clips(video), batch_size=2, num_workers=2, multiprocessing_context=start, timeout=SECONDS)
        assert np.abs(np.concatenate(list(loader)).astype(int) - wanted).max() <= 1
        assert [frame.number for frame in video] == list(range(len(wanted)))
