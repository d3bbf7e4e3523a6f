"""Groups of items in processes of their own: order, results, what a process that ends costs, and an early close."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bitstream.errors import LimitError
from codec.work.processes import in_order, in_own_processes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")
HALT = 3600.0


def work(item: str) -> tuple[int, str]:
    """What an item says: its process, and itself."""
    if item == "exit":
        os._exit(1)
    if item == "leave":
        raise SystemExit(1)
    if item == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "refuse":
        raise ValueError("refused")
    if item.startswith("halt "):
        Path(item[5:], str(os.getpid())).touch()
        time.sleep(HALT)
    if item.startswith("lose "):
        Path(item[5:], str(os.getpid())).touch()
        with suppress(SystemExit):  # as a callback of a weak reference loses it
            time.sleep(HALT)
    if item.startswith("deaf "):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        Path(item[5:], str(os.getpid())).touch()
        time.sleep(HALT)
    return os.getpid(), item


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_every_group_has_one_process_and_keeps_its_order() -> None:
    groups = [["a", "b", "c"], ["d"], [], ["e", "f"]]
    found: list[list[tuple[int, str]]] = [[] for _ in groups]
    for group, index, result in in_own_processes(work, groups, 2):
        assert result is not None and index == len(found[group])
        found[group].append(result)
    assert [[item for _, item in results] for results in found] == groups
    processes = [{process for process, _ in results} for results in found if results]
    assert all(len(own) == 1 for own in processes) and len(set.union(*processes)) == 3
    assert os.getpid() not in set.union(*processes)
    assert all(map(is_gone, set.union(*processes)))


def test_a_process_that_ends_costs_its_item_and_a_new_one_does_the_rest() -> None:
    groups = [["exit", "a", "crash", "leave", "b"], ["c", "exit"]]
    found = {(group, index): result for group, index, result in in_own_processes(work, groups, 2)}
    assert {place for place, result in found.items() if result is None} == {(0, 0), (0, 2), (0, 3), (1, 1)}
    there = {place: result[1] for place, result in found.items() if result is not None}
    assert there == {(0, 1): "a", (0, 4): "b", (1, 0): "c"}
    first, second = found[0, 1], found[0, 4]
    assert first is not None and second is not None and first[0] != second[0]


def test_nothing_to_do() -> None:
    assert not [*in_own_processes(work, [], 2)] and not [*in_own_processes(work, [[], []], 2)]


def test_what_an_item_raises_is_raised_and_ends_the_others(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="refused"), closing(_started(tmp_path, "refuse")) as results:
        [*results]
    assert all(is_gone(int(path.name)) for path in tmp_path.iterdir())


def test_an_early_close_ends_the_processes(tmp_path: Path) -> None:
    with closing(_started(tmp_path, "a")) as results:
        assert next(results)[:2] == (1, 0)
        halted = [int(path.name) for path in tmp_path.iterdir()]
        assert len(halted) == 1 and not is_gone(halted[0])
    assert is_gone(halted[0])


@pytest.mark.parametrize("how", ["lose", "deaf"])
def test_a_process_that_does_not_hear_ends_all_the_same(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codec.work.processes._PATIENCE", HALT if how == "lose" else 0.5)
    with closing(_started(tmp_path, "a", how)) as results:
        next(results)
    assert all(is_gone(int(path.name)) for path in tmp_path.iterdir())


def _started(
    folder: Path, item: str, how: str = "halt"
) -> Generator[tuple[int, int, tuple[int, str] | None], None, None]:
    """One process that halts; once it does, another one with `item`."""
    return in_own_processes(_after_halt, [[f"{how} {folder}"], [f"{folder}|{item}"]], 2)


def _after_halt(item: str) -> tuple[int, str]:
    if "|" not in item:
        return work(item)
    folder, _, word = item.partition("|")
    while not any(Path(folder).iterdir()):
        time.sleep(0.01)
    return work(word)


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    items = [str(i) for i in range(9)]
    assert [item for _, item in in_order(work, items, workers)] == items


def test_a_long_list_need_not_be_done_to_its_end() -> None:
    with closing(in_order(work, [str(i) for i in range(1 << 12)], 1)) as results:
        assert [next(results)[1] for _ in range(3)] == ["0", "1", "2"]


def test_a_process_that_ends_is_no_result() -> None:
    with pytest.raises(LimitError, match="a process was killed"):
        list(in_order(work, ["a", "exit", "b"], 1))
