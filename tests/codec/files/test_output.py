"""What every output does: permissions, syncs, names, and ends that are told apart."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bitstream.errors import FileAccessError, OutputExistsError
from codec.files.output import Output, Writing
from codec.formats.video.write.sink import SinkSettings
from tests.support.sink_files import frames, write

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize("part", [False, True])
def test_the_umask_of_the_process_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: bool) -> None:
    """Another thread would create a file with it meanwhile."""
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask is the whole process's"))
    with Output(tmp_path / "a", part=part) as output:
        output.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and list(tmp_path.iterdir()) == [tmp_path / "a"]


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: int) -> None:
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o640)
    code = (
        f"import os, sys; os.umask({umask}); from codec.files.output import Writing\n"
        "for name in sys.argv[1:]: Writing(overwrite=True).write(name, b'new')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "old", tmp_path / "new"], check=True)
    assert mode(tmp_path / "new") == 0o666 & ~umask
    assert mode(tmp_path / "old") == 0o640  # those of what it replaces


def test_a_sequence_of_pictures_waits_for_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write(tmp_path / "%d.png", SinkSettings("png"), frames(range(5)))
    assert len(synced) == 1 and len(list(tmp_path.iterdir())) == 5
    write(tmp_path / "a.mp4", SinkSettings("mp4"), frames(range(5)))
    assert len(synced) == 2


def test_an_output_is_begun_by_open_and_ended_once(tmp_path: Path) -> None:
    output = Output(tmp_path / "a")
    assert not list(tmp_path.iterdir())
    output.open()
    output.write(b"one")
    output.commit()
    output.commit()
    output.discard()
    assert (tmp_path / "a").read_bytes() == b"one" and list(tmp_path.iterdir()) == [tmp_path / "a"]
    with pytest.raises(OutputExistsError, match="exists already"):
        Output(tmp_path / "a")


@pytest.mark.parametrize("part", [False, True])
def test_times_are_those_of_the_first_source(tmp_path: Path, part: bool) -> None:
    source = tmp_path / "source"
    source.touch()
    os.utime(source, ns=(10**9, 2 * 10**9))
    with Output(tmp_path / "a", Writing(keep_times=True), sources=[source], part=part) as output:
        output.write(b"new")
    assert (tmp_path / "a").stat().st_mtime_ns == 2 * 10**9


def test_a_source_that_is_gone_when_its_times_are_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    output = Output(tmp_path / "a", Writing(keep_times=True), sources=[source]).open()
    source.unlink()
    with pytest.raises(FileAccessError, match="No such file"):
        output.commit()
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_sequence(tmp_path: Path) -> None:
    """Even with `overwrite`, which takes what a killed writer left."""
    (tmp_path / "a.part").write_bytes(b"left")
    with pytest.raises(OutputExistsError, match=r"a\.part exists"):
        Output(tmp_path / "a", part=True).open()
    with Output(tmp_path / "a", Writing(overwrite=True), part=True) as output:
        output.write(b"new")
        if os.name == "posix":
            with pytest.raises(OutputExistsError, match="another encoder"):
                Output(tmp_path / "a", Writing(overwrite=True), part=True).open()
        assert (tmp_path / "a.part").exists() and not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_file_object_takes_all_and_stays_open(tmp_path: Path) -> None:
    """Also one that takes a few bytes at a time."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as pipe, os.fdopen(reader, "rb") as end:
        with Output(pipe) as output:
            assert output.write(b"x" * 1000) == 1000
        assert not pipe.closed
        pipe.close()
        assert end.read() == b"x" * 1000
    with pytest.raises(TypeError, match="int is no path or binary file object"):
        Output(5)  # type: ignore[arg-type]
