"""Bytes in: every kind of source gives the same, closes what it opened, and reads no further than it is asked to."""

from __future__ import annotations

import io
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bitstream.errors import FileAccessError, LimitError
from codec.files.source import opened
from tests.support.goldens import golden_bytes
from tests.support.media_files import Pipe, StalledError

DATA = bytes(range(200))


@pytest.mark.parametrize("kind", ["path", "file", "raw", "bytes", "memory", "pipe", "small pipe", "buffered pipe"])
def test_every_source_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(DATA)
    with path.open("rb") as file, path.open("rb", buffering=0) as raw:
        sources: dict[str, Any] = {
            "path": path,
            "file": file,
            "raw": raw,
            "bytes": DATA,
            "memory": io.BytesIO(DATA),
            "pipe": Pipe(DATA),
            "small pipe": Pipe(DATA, piece=7),
            "buffered pipe": io.BufferedReader(Pipe(DATA)),
        }
        with opened(sources[kind]) as source:
            assert source.seekable() == ("pipe" not in kind)
            assert source.size() == (200 if source.seekable() else None)
            assert source.peek(20) == DATA[:20] and source.peek(5) == DATA[:5] and source.tell() == 0
            assert source.read(30) == DATA[:30] and source.tell() == 30
            assert source.peek(500) == DATA[30:]
            assert source.read1(1) == DATA[30:31]
            assert source.read() == DATA[31:]
            assert (source.peek(1), source.read1(1), source.read(9)) == (b"", b"", b"")
        assert not file.closed and not raw.closed


def test_lines() -> None:
    for data in (b"one\ntwo", Pipe(b"one\ntwo")):
        with opened(data) as source:  # type: ignore[arg-type]
            assert (source.readline(10), source.readline(2), source.readline(10)) == (b"one\n", b"tw", b"o")


def test_it_begins_where_a_file_object_stands_unless_rewound() -> None:
    file = io.BytesIO(DATA)
    file.seek(50)
    with opened(file) as source:
        assert source.seek(-5, os.SEEK_END) == 145 and source.read() == DATA[-5:]
        assert source.cursor().read(2) == DATA[50:52] and source.seek(3) + source.seek(2, os.SEEK_CUR) == 8
        with opened(source, rewound=True) as same:
            assert same is source and same.tell() == 0
    file.seek(50)
    with opened(file, rewound=True) as source:
        assert source.read() == DATA


def test_what_was_opened_here_is_closed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    with opened(tmp_path / "data") as source:
        descriptor = source.fileno()
        with opened(source) as same:
            assert same is source and source.name == str(tmp_path / "data") and source.path == tmp_path / "data"
        with source.buffered() as cursor:
            assert cursor.read(3) == DATA[:3]
        assert source.read(3) == DATA[:3]
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("plain", [True, False])
def test_cursors_in_many_threads(plain: bool, tmp_path: Path) -> None:
    data = os.urandom(1 << 16)
    (tmp_path / "data").write_bytes(data)
    with opened(tmp_path / "data" if plain else data) as source, ThreadPoolExecutor(8) as pool:
        start = threading.Barrier(8)

        def read(_: int) -> bytes:
            start.wait()
            cursor = source.cursor()
            return b"".join(iter(lambda: cursor.read(100), b""))

        assert set(pool.map(read, range(8))) == {data}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_while_a_thread_reads() -> None:
    reading, go_on, main = threading.Event(), threading.Event(), threading.current_thread()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if threading.current_thread() is not main:
                reading.set()
                go_on.wait()
            return super().read(size)

    with opened(Slow(DATA)) as source:
        thread = threading.Thread(target=source.cursor().read)
        thread.start()
        reading.wait()
        child = os.fork()
        if not child:
            signal.alarm(5)
            os._exit(0 if source.cursor().read() == DATA else 1)
        status = os.waitpid(child, 0)[1]
        go_on.set()
        thread.join()
    assert status == 0


def test_what_reads_forward_only_is_made_seekable_from_where_it_stands() -> None:
    with opened(Pipe(DATA, piece=7), "a pipe") as source:  # type: ignore[arg-type]
        for leap in (lambda: source.seek(0), source.cursor):
            with pytest.raises(io.UnsupportedOperation):
                leap()
        source.read(10)
        source.peek(10)
        source.make_seekable(190)
        assert source.seekable() and source.size() == 190 and source.read() == DATA[10:]
    with opened(Pipe(DATA), "a pipe") as source, pytest.raises(LimitError, match="a pipe holds more than 199 bytes"):  # type: ignore[arg-type]
        source.make_seekable(199)


def test_a_failed_look_ahead_loses_nothing() -> None:
    pipe = Pipe(DATA, given=50, piece=20)
    with opened(pipe) as source:  # type: ignore[arg-type]
        with pytest.raises(StalledError):
            source.peek(60)
        assert source.read(50) == DATA[:50]


def test_a_device_reads_forward_only() -> None:
    with opened("/dev/zero") as source:
        assert not source.seekable() and source.path is None and source.read(5) == bytes(5)


def test_the_kind_of_a_wisp_file() -> None:
    still = golden_bytes("small")
    for data, kind in ((still, "still"), (still[:17], None), (b"", None), (DATA, None)):
        for given in (data, Pipe(data)):
            with opened(given) as source:  # type: ignore[arg-type]
                assert source.kind == kind and source.read() == data


@pytest.mark.parametrize("name", ["none", ".", "null\0byte"])
def test_what_cannot_be_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError), opened(str(tmp_path / name)):
        pass


def test_what_is_no_source() -> None:
    closed = io.BytesIO(DATA)
    closed.close()
    with pytest.raises(FileAccessError, match="closed"), opened(closed):
        pass
    with pytest.raises(TypeError, match="int is no bytes, path or binary file object"), opened(42):  # type: ignore[arg-type]
        pass
    with pytest.raises(TypeError, match="not for text"), opened(io.StringIO("text")):  # type: ignore[arg-type]
        pass
