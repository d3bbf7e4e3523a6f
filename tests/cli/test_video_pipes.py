"""Videos through real pipes and processes: streaming, signals, kills, closed pipes, a full disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from cli import stop
from codec.sequence.encoder import SequenceEncoder, WrittenFrame
from tests.support.cli_runner import COMMAND, SECONDS, environment, folder_content, invoke, run_wisp, wait_for
from tests.support.cli_videos import FRAME_BYTES, RAW, clip, coded, frames_so_far, shown, y4m_clip, y4m_parts
from tests.support.signals import STATUS, waits_for_more
from tests.support.terminal import left_standing, needs_terminal, on_terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and pipes as POSIX has them")
COUNT = 3  # frames that a stalling producer gives


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own answer to it, also where the tests run in the background and nothing hears it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def start(*args: str, stdin: IO[bytes] | int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """`wisp ARGS`, all three streams pipes; signals as a terminal has them, whatever the tests run in."""
    env = environment()
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    hear = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "signal.signal(signal.SIGHUP, signal.SIG_DFL); import runpy; runpy.run_module('cli.main', run_name='__main__')"
    )
    with subprocess.Popen([COMMAND[0], "-c", hear, *args], env=env, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def give(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    process.stdin.write(data)
    process.stdin.flush()


def end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """-> exit status, standard error; its input stays open until then."""
    assert process.stderr
    told = process.stderr.read().decode()
    return process.wait(SECONDS), told


@contextmanager
def stalled(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    """`wisp encode - -o out.wisp` that has coded three frames and waits for more."""
    with start("encode", "-", "-o", "out.wisp", "--lossless", *args) as process:
        header, frames = y4m_parts(COUNT)
        give(process, header + b"".join(frames))
        wait_for(lambda: frames_so_far(Path("out.wisp.part")) == COUNT, process)
        yield process


# As it comes


def test_the_first_frame_comes_out_before_the_producer_ends() -> None:
    header, frames = y4m_parts(4)
    with (
        start("encode", "-", "-o", "-", "--lossless") as encoder,
        start("decode", "-", stdin=encoder.stdout or 0) as decoder,
    ):
        give(encoder, header)
        for frame in frames[:2]:
            give(encoder, frame)
        assert decoder.stdout
        expected = y4m_clip(4)
        count = len(header) + len(frames[0])
        assert decoder.stdout.read(count) == expected[:count]
        for frame in frames[2:]:
            give(encoder, frame)
        assert encoder.stdin
        encoder.stdin.close()
        assert decoder.stdout.read() == expected[count:]
        assert (encoder.wait(SECONDS), decoder.wait(SECONDS)) == (0, 0)


def test_a_producer_that_gives_byte_by_byte() -> None:
    data = y4m_clip(2)
    with start("encode", "-", "-o", "out.wisp", "--lossless") as process:
        for at in range(200):
            give(process, data[at : at + 1])
        give(process, data[200:])
        assert process.stdin
        process.stdin.close()
        assert end(process) == (0, "")
    assert len(shown("out.wisp")) == 2


def test_a_named_pipe_is_read_once() -> None:
    os.mkfifo("in.y4m")
    os.mkfifo("in.wisp")
    with start("encode", "in.y4m", "-o", "out.wisp", "--lossless", stdin=subprocess.DEVNULL) as process:
        Path("in.y4m").write_bytes(y4m_clip(2))
        assert end(process) == (0, "")
    with start("decode", "in.wisp", "-o", "out.y4m", stdin=subprocess.DEVNULL) as process:
        Path("in.wisp").write_bytes(Path("out.wisp").read_bytes())
        assert end(process) == (0, "")
    assert Path("out.y4m").read_bytes() == y4m_clip(2)


def test_what_is_being_written_can_be_decoded() -> None:
    with stalled():
        result = run_wisp("decode", "out.wisp.part", "-o", "-", cwd=Path())
        assert result.returncode == 4
        assert result.stdout == y4m_clip(COUNT)


def test_progress_of_a_pipe_has_no_share() -> None:
    with start("encode", "-", "-o", "out.wisp", *RAW, "--lossless", "--progress", "json") as process:
        for frame in clip(3):
            give(process, frame.tobytes())
            time.sleep(0.25)  # longer than what lies between two lines
        assert process.stdin
        process.stdin.close()
        status, told = end(process)
    events = [json.loads(line) for line in told.splitlines()]
    assert status == 0 and [events[0]["event"], events[-1]["event"]] == ["begin", "end"]
    middle = [event for event in events if event["event"] == "progress"]
    assert middle and all(event["share"] is event["frames_total"] is event["seconds_left"] is None for event in middle)
    assert 0 < middle[-1]["frames"] <= 3


def test_progress_of_a_file_has_frames_and_a_rate() -> None:
    coded("a.wisp", 60)
    result = run_wisp("decode", "a.wisp", "-o", "-", "--progress", "json", cwd=Path())
    events = [json.loads(line) for line in result.stderr.splitlines()]
    middle = [event for event in events if event["event"] == "progress"]
    assert middle[0]["frames_total"] == 60
    assert all(event["share"] == pytest.approx(event["frames"] / 60, abs=1e-3) for event in middle)


@needs_terminal
def test_a_bar_with_frames_beside_json_on_standard_output() -> None:
    Path("a.y4m").write_bytes(y4m_clip(40))
    status, shown_there, data = on_terminal(
        "encode", "a.y4m", "--lossless", "--json", cwd=Path(), env={"COLUMNS": "120"}
    )
    assert status == 0 and json.loads(data)["frames"] == 40
    assert re.search(r"\d+/40 frames, [\d.]+ fps", shown_there) and left_standing(shown_there) == []


# Signals


@pytest.mark.parametrize("name", STATUS)
def test_an_interrupted_encoder_leaves_a_whole_file(name: str) -> None:
    with stalled() as process:
        process.send_signal(signal.Signals[name])
        status, told = end(process)
    assert status == STATUS[name]
    assert told.splitlines()[-1] == "wisp: -: interrupted: the first 3 frames are in out.wisp"
    assert set(folder_content(Path())) == {"out.wisp"}
    assert run_wisp("verify", "out.wisp", cwd=Path()).returncode == 0
    assert np.array_equal(shown("out.wisp")[:, :, :, 0], clip(COUNT)[:, :, :, 0])


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the frame that was in work at the first is still in work."""
    written = SequenceEncoder.write

    def interrupted(writer: SequenceEncoder, *frame: Any) -> WrittenFrame:
        if writer.frames == 1:
            signal.raise_signal(signal.SIGINT)
            monkeypatch.setattr(stop, "_ONE_PRESS", 0.0)
            signal.raise_signal(signal.SIGINT)
        return written(writer, *frame)

    monkeypatch.setattr(SequenceEncoder, "write", interrupted)
    before = signal.getsignal(signal.SIGINT)
    result = invoke("encode", "-", "-o", "out.wisp", "--lossless", stdin=y4m_clip(3))
    assert result.exit_code == 130 and result.stderr.endswith("wisp: -: interrupted\n")
    assert folder_content(Path()) == {} and signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("ctrl_c")
def test_a_signal_before_there_is_anything_to_finish() -> None:
    told: list[bool] = []
    listener = stop.Stop(lambda: told.append(True))
    with pytest.raises(KeyboardInterrupt), listener.listening():
        signal.raise_signal(signal.SIGINT)
    assert not told and listener.status == 0 and listener()


def test_signals_close_together_are_one() -> None:
    with stalled() as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        status, _ = end(process)
    assert status in (130, 143) and len(shown("out.wisp")) == COUNT


def test_interrupted_before_the_first_frame() -> None:
    with start("encode", "-", "-o", "out.wisp", *RAW) as process:
        give(process, bytes(10))
        wait_for(waits_for_more(process), process)
        process.send_signal(signal.SIGINT)
        status, told = end(process)
    assert (status, folder_content(Path())) == (130, {})
    assert told in ("wisp: -: interrupted\n", "")  # nothing, where it had not yet begun to listen


def test_an_interrupted_decoder_keeps_what_it_has() -> None:
    frames = coded("a.wisp", 8)
    data = Path("a.wisp").read_bytes()
    Path("a.wisp").unlink()
    with start("decode", "-", "-o", "out.rgb") as process:
        give(process, data[: len(data) * 3 // 4])
        wait_for(lambda: _largest(".out.rgb.*.part") >= 3 * FRAME_BYTES, process)
        process.send_signal(signal.SIGINT)
        status, told = end(process)
    assert status == 130 and set(folder_content(Path())) == {"out.part.rgb"}
    kept = Path("out.part.rgb").read_bytes()
    count = len(kept) // FRAME_BYTES
    assert kept == frames[:count].tobytes() and 3 <= count < 8
    assert told.splitlines()[-1] == f"wisp: -: interrupted: the first {count} frames are in out.part.rgb"


def _largest(pattern: str) -> int:
    return max((path.stat().st_size for path in Path().glob(pattern)), default=0)


def test_a_batch_ends_with_the_video_that_was_interrupted() -> None:
    os.mkfifo("b.y4m")
    Path("c.y4m").write_bytes(y4m_clip(1))
    command = ("encode", "b.y4m", "c.y4m", "--lossless", "-o", "out")
    with start(*command, stdin=subprocess.DEVNULL) as process, Path("b.y4m").open("wb") as pipe:
        header, frames = y4m_parts(COUNT)
        pipe.write(header + b"".join(frames))
        pipe.flush()
        wait_for(lambda: frames_so_far(Path("out/b.wisp.part")) == COUNT, process)
        process.send_signal(signal.SIGINT)
        status, told = end(process)
    assert status == 130 and {path.name for path in Path("out").iterdir()} == {"b.wisp"}
    assert told.endswith("wisp: b.y4m: interrupted: the first 3 frames are in out/b.wisp\n")


def test_processes_finish_their_videos() -> None:
    for name in "ab":
        os.mkfifo(f"{name}.y4m")
    header, frames = y4m_parts(COUNT)
    command = ("encode", "a.y4m", "b.y4m", "--lossless", "-o", "out", "--jobs", "2")
    with (
        start(*command, stdin=subprocess.DEVNULL) as process,
        Path("a.y4m").open("wb") as a,
        Path("b.y4m").open("wb") as b,
    ):
        for pipe in (a, b):
            pipe.write(header + b"".join(frames))
            pipe.flush()
        parts = [Path(f"out/{name}.wisp.part") for name in "ab"]
        wait_for(lambda: [frames_so_far(part) for part in parts] == [COUNT, COUNT], process)
        process.send_signal(signal.SIGINT)
        status, told = end(process)
    assert (status, told) == (130, "wisp: encode: interrupted\n")
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp"}
    assert len(shown("out/a.wisp")) == len(shown("out/b.wisp")) == COUNT


def test_a_killed_encoder_leaves_every_complete_frame() -> None:
    with stalled() as process:
        process.kill()
        process.wait(SECONDS)
    assert set(folder_content(Path())) == {"out.wisp.part"}
    result = run_wisp("decode", "out.wisp.part", "-o", "x.y4m", cwd=Path())
    assert result.returncode == 4 and not Path("x.y4m").exists()
    assert Path("x.part.y4m").read_bytes() == y4m_clip(COUNT)
    told = result.stderr.decode()
    assert told.startswith("wisp: out.wisp.part: ends at byte ") and f"{COUNT} frames, is in x.part.y4m" in told
    with start("encode", "-", "-o", "out.wisp", "--lossless") as process:
        give(process, y4m_clip(1))
        status, told = end(process)
    assert status == 8 and "out.wisp.part exists" in told


# Ends of pipes and disks


@pytest.mark.parametrize("command", [("encode", "a.y4m", "--lossless"), ("decode", "a.wisp")])
def test_a_closed_pipe_is_quiet(command: tuple[str, ...]) -> None:
    coded("a.wisp", 40)
    Path("a.y4m").write_bytes(y4m_clip(80))
    with start(*command, "-o", "-", stdin=subprocess.DEVNULL) as process:
        assert process.stdout and process.stdout.read(10)
        process.stdout.close()
        assert end(process) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("command", ["encode a.y4m --lossless", "decode a.wisp"])
def test_a_full_disk_is_one_line(command: str) -> None:
    coded("a.wisp", 2)
    Path("a.y4m").write_bytes(y4m_clip(2))
    with Path("/dev/full").open("wb") as full:
        result = run_wisp(*command.split(), "-o", "-", cwd=Path(), stdout=full)
    assert result.returncode == 8
    assert (
        result.stderr.decode().splitlines()[0].endswith("No space left on device") and result.stderr.count(b"\n") == 1
    )
