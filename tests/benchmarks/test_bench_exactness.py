"""`wisp bench exactness`: what it decodes, what it says of a difference, and machines compared."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.exactness import make as maker
from benchmarks.exactness.configurations import SETTINGS, Configuration, configurations
from benchmarks.exactness.decode import MARK, Found, _relay, run_configuration
from benchmarks.exactness.golden import FOLDER, Golden, GoldenSet, read_goldens
from benchmarks.exactness.report import compare, exit_status, fingerprint
from benchmarks.exactness.run import Outcome, hash_of, judge, run
from benchmarks.exactness.settings import host_setting
from bitstream.errors import RequestError
from codec.work.threads import thread_count
from tests.support import reference_decoder
from tests.support.cli_runner import invoke, succeed
from tests.support.goldens import HASHES, loaded, reference_model
from tests.support.host_settings import snapshot

SMALL = ("grey", "smallest")
GOLDENS = read_goldens()
FEW = GoldenSet(GOLDENS.model, tuple(golden for golden in GOLDENS.files if golden.name in SMALL))
BY_NAME = {configuration.name: configuration for configuration in configurations()}
ONE = "fp32, 1 thread"


@pytest.fixture(autouse=True)
def little_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.exactness.decode._ENCODED", (slice(128, 192), slice(256, 320)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two of the golden files and their list, to be changed."""
    place = tmp_path / "golden"
    place.mkdir()
    listing = json.loads((FOLDER / "expected.json").read_text())
    listing["files"] = {name: listing["files"][name] for name in SMALL}
    (place / "expected.json").write_text(json.dumps(listing))
    for name in SMALL:
        shutil.copy(FOLDER / f"{name}.wisp", place)
    return place


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decode.py does, done here, where torch is imported already."""

    def lines(batch: Sequence[Configuration], folder: Path) -> Iterator[str]:
        for configuration in batch:
            found = run_configuration(configuration, read_goldens(folder).files)
            yield f"{MARK}{json.dumps(asdict(found))}\n"

    monkeypatch.setattr("benchmarks.exactness.run._lines", lines)


def outcome(status: Any = "ok", latents: dict[str, str] | None = None, name: str = "a") -> Outcome:
    return Outcome(name, "group", status, "", "fp32", "AVX2", latents or {}, "p" * 64, "e" * 64)


def test_the_expected_hashes_are_those_of_wisp_verify_and_of_the_tests() -> None:
    for golden in GOLDENS.files:
        assert golden.intact
        told = json.loads(succeed("verify", "--json", FOLDER / f"{golden.name}.wisp").stdout)
        assert told["latents_sha256"] == golden.latents_sha256 == HASHES.get(golden.name, golden.latents_sha256)


def test_the_integer_decoder_agrees_on_the_file_that_only_the_package_has() -> None:
    (monarch,) = [golden for golden in GOLDENS.files if golden.name not in HASHES]
    tiles = reference_decoder.decode_file(monarch.data, reference_model())
    assert reference_decoder.latents_sha256(tiles) == monarch.latents_sha256


@pytest.mark.parametrize("name", [ONE, "fp64, NCHW, 2 threads", "fp32, tiles one by one", "pixels in bf16", *SETTINGS])
def test_configurations_decode_what_is_expected_and_leave_torch_as_it_was(name: str) -> None:
    before, threads = snapshot(), thread_count()
    found = run_configuration(BY_NAME[name], FEW.files)
    assert snapshot() == before and thread_count() == threads
    assert found.verdict == "decoded" and found.latents == FEW.expected
    assert found.entropy_dtype == ("fp64" if name.startswith("fp64") else "fp32")
    assert len(found.pixels) == len(found.encoded) == 64


@pytest.mark.parametrize(
    "name", ["autocast bf16", "default dtype bf16", "oneDNN off", "inference mode", "deterministic algorithms"]
)
def test_settings_are_really_entered(name: str) -> None:
    before = snapshot()
    with host_setting(name, "cpu"):
        assert snapshot() != before
    assert snapshot() == before


def test_the_layout_is_really_another() -> None:
    model = loaded("fp64")
    assert model.prior.layout == torch.channels_last
    _relay(model)
    assert model.prior.layout == torch.contiguous_format and model.entropy_dtype == "fp64"


def test_pixels_and_precision_are_told_apart() -> None:
    single, half = (run_configuration(BY_NAME[name], FEW.files) for name in (ONE, "pixels in bf16"))
    assert single.pixels != half.pixels and single.latents == half.latents


def test_the_command_writes_one_line_each_and_a_fingerprint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "codec.py").write_text("raise ImportError")  # nothing is imported from where the user is
    monkeypatch.chdir(tmp_path)
    json_file = tmp_path / "here.json"
    result = succeed("bench", "exactness", "--golden", folder.name, "--only", "fp32, 1", "--json", json_file)
    line, summary = result.stdout.splitlines()
    wanted = hashlib.sha256(
        "".join(f"{name} {value}\n" for name, value in sorted(FEW.expected.items())).encode()
    ).hexdigest()
    assert line.split() == ["ok", "fp32,", "1", "thread", wanted[:16], "fp32", *line.split()[-4:]]
    assert summary == f"1 ok; fingerprint {wanted}"
    found = json.loads(json_file.read_text())
    assert found["fingerprint"] == wanted and found["expected"] == FEW.expected and found["exit_status"] == 0
    assert found["outcomes"][0]["latents"] == FEW.expected
    assert invoke("bench", "exactness", "--only", ONE, "--json", json_file).exit_code == 8  # is there already


@pytest.mark.usefixtures("in_this_process")
def test_a_changed_hash_and_a_damaged_file_show(folder: Path) -> None:
    listing = json.loads((folder / "expected.json").read_text())
    listing["files"]["grey"]["latents_sha256"] = "0" * 64
    (folder / "expected.json").write_text(json.dumps(listing))
    changed = invoke("bench", "exactness", "--golden", folder, "--only", ONE)
    assert changed.exit_code == 5
    assert changed.stdout.startswith("DIFFERS") and "grey" not in changed.stdout.split("\n")[1]
    data = bytearray((folder / "smallest.wisp").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "smallest.wisp").write_bytes(data)
    damaged = invoke("bench", "exactness", "--golden", folder, "--only", ONE)
    assert damaged.exit_code == 5
    assert "the golden files smallest are themselves damaged" in damaged.stdout


@pytest.mark.slow
def test_an_environment_is_set_before_torch_and_a_dead_process_costs_only_its_own(folder: Path) -> None:
    plain = replace(BY_NAME["ATEN_CPU_CAPABILITY=default"], name="plain")
    broken = Configuration("broken", "environment", environment={"PYTHONHOME": str(folder)})
    dead, alive = run([broken, plain], folder, read_goldens(folder))
    assert (dead.status, dead.latents) == ("failed", {}) and dead.reason
    assert (alive.status, alive.capability, alive.latents) == ("ok", "DEFAULT", FEW.expected)
    assert exit_status([dead, alive]) == 1


def test_verdicts() -> None:
    configuration = Configuration("a", "group", sign="isa:Intel AVX2")
    decoded = Found("a", "decoded", capability="AVX2", latents=FEW.expected)
    assert judge(configuration, decoded, "isa:Intel AVX2\n", FEW).status == "ok"
    unheard = judge(configuration, decoded, "isa:Intel SSE4.1\n", FEW)
    assert (unheard.status, unheard.reason) == ("skipped", "no effect here: oneDNN has Intel SSE4.1, torch AVX2")
    wrong = replace(decoded, latents={**FEW.expected, "grey": "0" * 64})
    assert judge(configuration, wrong, "", FEW).status == "DIFFERS"  # heard or not
    assert judge(configuration, Found("a", "refused", "no"), "", FEW).status == "refused"
    assert judge(configuration, Found("a", "unavailable", "no"), "", FEW).status == "skipped"
    spoilt = GoldenSet("", (Golden("grey", b"", FEW.expected["grey"], intact=False),))
    assert "damaged" in judge(configuration, Found("a", "corrupt", "grey: no"), "", spoilt).reason


def test_the_exit_status_and_the_fingerprint_by_hand() -> None:
    good, bad = outcome(latents={"x": "1"}), outcome("DIFFERS", {"x": "2"})
    assert exit_status([good, outcome("skipped")]) == 0
    assert exit_status([outcome("skipped")]) == 1
    assert exit_status([good, outcome("refused")]) == 6
    assert exit_status([outcome("refused"), bad, good]) == 5
    assert fingerprint([good, good, outcome("skipped")]) == hashlib.sha256(b"x 1\n").hexdigest() == hash_of({"x": "1"})
    assert fingerprint([good, bad]) == hashlib.sha256(b"x 1\nx 2\n").hexdigest()
    assert fingerprint([outcome("skipped")]) == ""


@pytest.mark.usefixtures("in_this_process")
def test_two_machines_are_compared(folder: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    common = ("bench", "exactness", "--golden", folder, "--only", ONE)
    succeed(*common, "--json", here)
    same = succeed(*common, "--compare", here)
    assert f"the same latents as {here}" in same.stdout
    assert "pixels (which may differ): the same in 1 of 1 configurations" in same.stdout
    other = json.loads(here.read_text())
    other["outcomes"][0]["latents"]["grey"] = "f" * 64
    there.write_text(json.dumps(other))
    differs = invoke(*common, "--compare", there)
    assert differs.exit_code == 1
    assert f"DIFFERENT latents from {there}\n  grey: {FEW.expected['grey'][:8]} here, ffffffff there" in differs.stdout
    part = {"name": "b", "latents": {"smallest": FEW.expected["smallest"]}, "pixels": "", "encoded": ""}
    alone = compare(other, {"outcomes": [part]})
    assert alone.same and alone.lines[0].endswith("machine has them: grey")
    with pytest.raises(RequestError, match="no golden file in common"):
        compare(other, {"outcomes": []})


@pytest.mark.parametrize(("content", "status"), [("{", 5), ("[]", 5), ('{"kind": "other"}', 5), (None, 8)])
def test_what_is_no_result_is_refused_at_once(tmp_path: Path, content: str | None, status: int) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    result = invoke("bench", "exactness", "--compare", path)
    assert result.exit_code == status and not result.stdout


def test_the_list_and_words_that_match_nothing() -> None:
    listed = succeed("bench", "exactness", "--list").stdout.splitlines()
    assert len(listed) == len(BY_NAME) > 40
    assert succeed("bench", "exactness", "--list", "--only", "cuda, FP32").stdout.count("\n") == 2
    assert invoke("bench", "exactness", "--only", "nothing").exit_code == 2


def test_golden_files_are_made_again_only_as_they_were(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "golden"
    shutil.copy(FOLDER / "monarch.wisp", tmp_path)
    maker.make(source, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }
    listing = json.loads((tmp_path / "expected.json").read_text())
    listing["files"]["best"]["latents_sha256"] = "0" * 64
    (tmp_path / "expected.json").write_text(json.dumps(listing))
    with pytest.raises(ValueError, match="best"):
        maker.make(source, tmp_path)
