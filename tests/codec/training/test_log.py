"""The tables of a run survive damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.training.log import STEPS, Log, read_table


@pytest.mark.parametrize("end", ["40,0.", "40", "x,y\n", "40,1,2,3\n", "\x00\xff"])
def test_a_damaged_row_is_dropped(tmp_path: Path, end: str) -> None:
    path = tmp_path / STEPS
    path.write_text("step,loss,bpp\n1,2.5,1\n20,1.5,1\n" + end, encoding="latin-1")
    log = Log(tmp_path, 20)
    log.add(STEPS, {"step": 40.0, "loss": 1.0, "bpp": 1.0})
    log.close()
    assert [row["step"] for row in read_table(path)] == [1, 20, 40]
