"""Interrupts at several moments: only old files and whole ones are left, no process, no traceback.

That `communicate` returns says that every process is gone: each holds the pipe of standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bitstream.errors import FileAccessError
from codec.files.output import Writing
from tests.support.cli_runner import SECONDS, folder_content, wait_for
from tests.support.signals import STATUS, Place, finished, send

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals, named pipes and sessions")
SLOW = pytest.mark.slow
each_signal = pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", pytest.param("SIGHUP", marks=SLOW)])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


ENCODE = ("encode", "--lossless", "--overwrite", "-o", "out")


@pytest.mark.parametrize(
    ("name", "jobs", "whom"),
    [
        *((name, "2", "all") for name in STATUS),
        *(("SIGINT", "1", "one"), ("SIGTERM", "1", "one"), ("SIGTERM", "2", "one")),
        *(pytest.param(*each, "one", marks=SLOW) for each in (("SIGHUP", "1"), ("SIGHUP", "2"), ("SIGINT", "2"))),
    ],
)
def test_while_outputs_are_written(place: Place, name: str, jobs: str, whom: str) -> None:
    before = place.content()
    with place.start(*ENCODE, "--jobs", jobs, "a.png", "b.png", "c.png", stop="writing") as process:
        wait_for(place.stopped(int(jobs)), process)
        temporary = {path.name.split(".")[1] for path in (place.folder / "out").glob(".*.part")}
        assert temporary == set("ab"[: int(jobs)])  # else there would be nothing to clean up
        send(process, name, whom)
        assert finished(process, "encode") == STATUS[name]
    assert place.content() == before


@each_signal
@pytest.mark.parametrize(("jobs", "whom"), [("1", "one"), ("2", "all")])
def test_while_inputs_are_read(place: Place, name: str, jobs: str, whom: str) -> None:
    """After a file that is finished: it stays, and it is whole."""
    pipes = [place.pipe(f"pipe{i}.png") for i in range(int(jobs))]
    before = place.content()
    with place.start(*ENCODE, "--jobs", jobs, "a.png", *pipes, "b.png") as process:
        wait_for(place.is_read(*pipes), process)
        send(process, name, whom)
        assert finished(process, "encode") == STATUS[name]
    assert place.content() == {**before, "out/a.wisp": place.whole}


@each_signal
def test_while_processes_start(place: Place, name: str) -> None:
    """When they do not have handlers of their own yet."""
    before = place.content()
    with place.start(*ENCODE, "--jobs", "2", "a.png", "b.png", stop="starting") as process:
        wait_for(place.stopped(2), process)
        send(process, name, "all")
        assert finished(process, "encode") == STATUS[name]
    assert place.content() == before


def test_while_one_picture_is_decoded_over_another(place: Place) -> None:
    (place.folder / "out.png").write_bytes(b"another file")
    before = place.content()
    with place.start("decode", "small.wisp", "-o", "out.png", "--overwrite", stop="writing") as process:
        wait_for(place.stopped(1), process)
        send(process, "SIGINT")
        assert finished(process, "small.wisp") == 130
    assert place.content() == before


def test_killed_for_good(place: Place) -> None:
    """Nothing can be done by the process itself; those that it started end, and clean up."""
    before = place.content()
    with place.start(*ENCODE, "--jobs", "2", "a.png", "b.png", stop="writing") as process:
        wait_for(place.stopped(2), process)
        process.kill()
        assert finished(process, "encode") == -signal.SIGKILL
    assert place.content() == before


def test_a_hangup_that_is_ignored(place: Place) -> None:
    """As nohup has it: the work goes on."""
    pipe = place.pipe("pipe.png")
    with place.start(*ENCODE, "--jobs", "2", "a.png", pipe, env={"NOHUP": "1"}) as process:
        wait_for(place.is_read(pipe), process)
        send(process, "SIGHUP", "all")
        os.write(place.writers[0], (place.folder / "a.png").read_bytes())
        os.close(place.writers.pop())
        assert finished(process, "encode") == 0
    assert (place.folder / "out/pipe.wisp").read_bytes() == place.whole


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_on_a_terminal(place: Place, jobs: str) -> None:
    """The key itself; the bar is gone then, and the cursor is back."""
    import fcntl
    import pty
    import termios

    pipes = [place.pipe(f"pipe{i}.png") for i in range(2)]
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(2, termios.TIOCSCTTY, 0)

    before = place.content()
    settings: dict[str, Any] = {"stderr": theirs, "preexec_fn": take_terminal, "env": {"TERM": "xterm"}}
    with place.start(*ENCODE, "--jobs", jobs, *pipes, **settings) as process:
        os.close(theirs)
        wait_for(place.is_read(*pipes[: int(jobs)]), process)
        os.write(ours, b"\x03")
        got = b""
        with suppress(OSError):  # Linux's way to say that the other end is closed
            while part := os.read(ours, 4096):
                got += part
        assert process.wait(SECONDS) == 130
    os.close(ours)
    assert b"Traceback" not in got and got.count(b"\x1b[?25l") == got.count(b"\x1b[?25h") == 1
    assert got.endswith(b"wisp: encode: interrupted\r\n")
    assert place.content() == before


# At any moment: before each line that runs while an output is written


def lines_until_interrupted(step: int, function: Callable[[], None]) -> bool:
    """Run `function` with an interrupt before the line number `step` that runs in it -> whether it came."""
    count, found = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        if count == step:
            count += 1  # only once
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(found)
    return False


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("links", [True, False])
def test_at_any_moment_while_an_output_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool, links: bool
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no hard links here")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refused)
    source, target, new = tmp_path / "a.png", tmp_path / "out" / "a.wisp", b"new" * 1000
    source.touch()
    target.parent.mkdir()
    writing = Writing(overwrite, keep_times=True)
    old = b"old" if overwrite else None
    found: set[bytes | None] = set()
    step, go_on = 1, True
    while go_on:
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old)
        go_on = lines_until_interrupted(step, lambda: writing.write(str(target), new, source, read_back=True))
        content = folder_content(target.parent).get("a.wisp")
        assert set(folder_content(target.parent)) <= {"a.wisp"}, step
        assert content in (old, new), step
        found.add(content)
        step += 1
    assert step > 30 and found == {old, new}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool) -> None:
    def failing(_: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "a.wisp"
    if overwrite:
        target.write_bytes(b"old")
    before = folder_content(tmp_path)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(FileAccessError, match="No space left"):
        Writing(overwrite).write(str(target), b"new")
    assert folder_content(tmp_path) == before


def test_temporary_files_are_for_their_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []

    def look(_: int) -> None:
        (part,) = tmp_path.glob(".*.part")
        modes.append(part.stat().st_mode & 0o777)

    monkeypatch.setattr(os, "fsync", look)
    long = "é" * 120  # names may have 255 bytes, of which the temporary file's takes some more
    Writing().write(str(tmp_path / long), b"new")
    assert modes == [0o600]
    assert (tmp_path / long).read_bytes() == b"new"
