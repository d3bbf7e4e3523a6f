"""The tables of a run survive damage, and what cannot be written is one error."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from bitstream.errors import FileAccessError
from codec.training.log import EVENTS, STEPS, Log, read_table


@pytest.mark.parametrize("end", ["40,0.", "40", "x,y\n", "40,1,2,3\n", "\x00\xff"])
def test_a_damaged_row_is_dropped(tmp_path: Path, end: str) -> None:
    path = tmp_path / STEPS
    path.write_text("step,loss,bpp\n1,2.5,1\n20,1.5,1\n" + end, encoding="latin-1")
    log = Log(tmp_path, 20)
    log.add(STEPS, {"step": 40.0, "loss": 1.0, "bpp": 1.0})
    log.close()
    assert [row["step"] for row in read_table(path)] == [1, 20, 40]


def test_events_that_cannot_be_written_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the thread that trains, where TensorBoard's own writer prints a traceback from another one."""
    pytest.importorskip("tensorboard")
    (tmp_path / EVENTS).write_text("no folder")
    with pytest.raises(FileAccessError, match=f"{EVENTS}: File exists"):
        Log(tmp_path, -1)
    (tmp_path / EVENTS).unlink()
    log = Log(tmp_path, -1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", full)
    threads = threading.active_count()
    with pytest.raises(FileAccessError, match=f"{EVENTS}: No space left on device"):
        log.add(STEPS, {"step": 1.0, "loss": 1.0})
    assert threading.active_count() == threads
