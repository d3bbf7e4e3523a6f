"""How outputs end: whole under their name, as a part, or not at all; full disks, closed pipes, interrupts; memory."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from bitstream.errors import FileAccessError, OutputExistsError, RequestError, UnsupportedError
from codec.files.output import Output, Writing
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import Kind, Sink, SinkSettings
from tests.support.sink_files import CLIP, SIZE, Stdout, frames, times, write

FILES: list[Kind] = ["mp4", "mkv", "y4m", "rgb24", "yuv420p", "gif", "webp"]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def begun(target: str | Path, kind: Kind, count: int = 4, source: Path | None = None, **options: Any) -> Sink:
    """A sink that took so many frames."""
    sink = open_sink(str(target), SinkSettings(kind), CLIP, SIZE, "RGB", writing=Writing(**options), source=source)
    for frame in frames(range(count)) if count else []:
        sink.write(frame)
    return sink


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", FILES)
def test_an_output_appears_when_it_is_whole(tmp_path: Path, kind: Kind) -> None:
    sink = begun(tmp_path / "out", kind)
    (name,) = names(tmp_path)
    assert name.startswith(".out.") and name.endswith(".part")
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    sink.close()
    sink.close()  # once more does nothing
    assert names(tmp_path) == ["out"]
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("kind", FILES)
def test_what_is_there_is_not_touched(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="out exists already"):
        begun(tmp_path / "out", kind)
    with pytest.raises(FileAccessError, match="is the input itself"):
        begun(tmp_path / "out", kind, overwrite=True, source=tmp_path / "out")
    assert begun(tmp_path / "out", kind, overwrite=True).abort(keep=False) is None
    assert names(tmp_path) == ["out"] and (tmp_path / "out").read_bytes() == b"precious"
    begun(tmp_path / "out", kind, overwrite=True).close()
    assert names(tmp_path) == ["out"] and (tmp_path / "out").read_bytes() != b"precious"


def test_a_target_that_appeared_meanwhile(tmp_path: Path) -> None:
    sink = begun(tmp_path / "out", "mp4")
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(OutputExistsError):
        sink.close()
    assert names(tmp_path) == ["out"] and (tmp_path / "out").read_bytes() == b"precious"


def test_folders_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="does not exist"):
        begun(tmp_path / "a" / "out.mp4", "mp4")
    begun(tmp_path / "a" / "out.mp4", "mp4", make_folders=True).close()
    assert names(tmp_path / "a") == ["out.mp4"]
    with pytest.raises(FileAccessError, match="is a directory"):
        begun(tmp_path / "a", "mp4")


@pytest.mark.parametrize("kind", FILES)
def test_a_part_that_is_kept_can_be_played(tmp_path: Path, kind: Kind) -> None:
    target = tmp_path / f"out.{kind}"
    (tmp_path / f"out.part.{kind}").write_bytes(b"of an earlier time")
    name = begun(target, kind).abort(keep=True)
    assert name == str(tmp_path / f"out.part-1.{kind}")  # nothing that exists is replaced
    assert set(names(tmp_path)) == {f"out.part.{kind}", f"out.part-1.{kind}"}
    assert (tmp_path / f"out.part.{kind}").read_bytes() == b"of an earlier time"
    whole = write(tmp_path / "whole", SinkSettings(kind), frames(range(4)))
    if kind in ("rgb24", "yuv420p"):
        assert Path(name).read_bytes() == whole.read_bytes()
    elif kind == "webp":
        with Image.open(name) as image:
            assert image.n_frames == 4  # type: ignore[attr-defined]
    else:
        assert times(name) == times(whole) and len(times(name)) == 4


@pytest.mark.parametrize("kind", FILES)
def test_nothing_to_keep(tmp_path: Path, kind: Kind) -> None:
    assert begun(tmp_path / "out", kind, 0).abort(keep=True) is None
    assert begun(tmp_path / "out", kind, 0).abort(keep=False) is None
    with pytest.raises(RequestError, match="no frame"):
        begun(tmp_path / "out", kind, 0).close()
    assert not names(tmp_path)


@pytest.mark.parametrize("kind", [*FILES, "png"])
def test_an_error_inside_leaves_nothing(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(KeyError), begun(tmp_path / "out", kind):
        raise KeyError
    assert not names(tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "gif"])
def test_containers_are_closed_however_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """And not when the garbage collector comes by."""

    class Watched:
        def __init__(self, *args: Any, **options: Any) -> None:
            self._container, self.closed = right(*args, **options), False
            opened.append(self)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._container, name)

        def close(self) -> None:
            self.closed = True
            self._container.close()

    opened: list[Watched] = []
    right = av.open
    monkeypatch.setattr(av, "open", Watched)
    begun(tmp_path / "whole", kind).close()
    begun(tmp_path / "kept", kind).abort(keep=True)
    begun(tmp_path / "gone", kind).abort(keep=False)
    begun(tmp_path / "empty", kind, 0).abort(keep=False)
    refused = SinkSettings(kind, None if kind == "gif" else "h264")
    with pytest.raises(UnsupportedError):
        open_sink(str(tmp_path / "large"), refused, CLIP, (70_000, 2), "RGB")
    assert len(opened) >= 4 and all(container.closed for container in opened)


@needs_full
@pytest.mark.parametrize("kind", FILES)
def test_a_full_device(kind: Kind) -> None:
    with pytest.raises(FileAccessError, match="output /dev/full: No space left on device"):
        write(FULL, SinkSettings(kind), frames(range(40)))
    assert FULL.is_char_device()


class FullDisk:
    """A file that holds so many bytes; `error` comes then."""

    def __init__(self, file: Any, room: int, error: BaseException) -> None:
        self._file, self._room, self._error = file, room, error

    def write(self, data: Any) -> int:
        if self._file.tell() + len(data) > self._room:
            raise self._error
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture(params=[20, 3000])
def room(request: pytest.FixtureRequest) -> int:
    return request.param


def filling(monkeypatch: pytest.MonkeyPatch, room: int, error: BaseException) -> None:
    """Every output's disk is full then."""
    right = Output.open

    def begin(self: Output) -> Output:
        right(self)
        self._file = FullDisk(self._file, room, error)  # type: ignore[assignment]
        return self

    monkeypatch.setattr(Output, "open", begin)


@pytest.mark.parametrize("kind", FILES)
def test_a_disk_that_is_full_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, kind: Kind
) -> None:
    filling(monkeypatch, room, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(FileAccessError, match=r"out: No space left on device"):
        write(tmp_path / "out", SinkSettings(kind), frames(range(60)))
    assert not names(tmp_path)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("error", [BrokenPipeError, KeyboardInterrupt])
def test_what_comes_out_of_a_write_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, error: type[BaseException]
) -> None:
    """Also through libavformat, which would swallow it."""
    filling(monkeypatch, 3000, error())
    with pytest.raises(error):
        write(tmp_path / "out", SinkSettings(kind), frames(range(60)))
    assert not names(tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "y4m", "rgb24"])
def test_a_pipe_that_is_closed(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as closed:
        monkeypatch.setattr(sys, "stdout", Stdout(closed))
        with pytest.raises(BrokenPipeError):
            write("-", SinkSettings(kind), frames(range(300)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("kind", FILES)
def test_a_named_pipe(tmp_path: Path, kind: Kind) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe, SinkSettings(kind), frames())
    reader.join()
    assert pipe.is_fifo() and names(tmp_path) == ["pipe"]
    assert got[0]
    if kind not in ("mp4", "mkv"):
        assert got[0] == write(tmp_path / "file", SinkSettings(kind), frames()).read_bytes()
    else:
        assert len(times(got[0])) == 6


_SOAK = """
import resource, sys
from dataclasses import replace
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import SinkSettings
from tests.support.sink_files import CLIP, frames
count = int(sys.argv[3])
few = frames(range(16), size=(64, 64), channels=4)
for frame in few:
    frame.pixels[:, :, 3] = 255

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

with open_sink(sys.argv[1], SinkSettings(sys.argv[2]), CLIP, (64, 64), "RGBA") as sink:
    for number in range(count):
        sink.write(replace(few[number % 16], pts=number))
        if number == count // 4:
            before = resident()
print(resident() / before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
@pytest.mark.parametrize(
    "kind", ["mp4", "y4m", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gif", "webp"))]
)
def test_memory_does_not_grow(tmp_path: Path, kind: Kind) -> None:
    command = [sys.executable, "-c", _SOAK, str(tmp_path / "out"), kind, "1500" if kind == "gif" else "4000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=100)
    assert float(result.stdout) < 1.05
