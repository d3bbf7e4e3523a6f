"""The house rules that a reader relies on: layers, torch only where it is needed, files that stay readable."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("bitstream", "codec", "benchmarks", "cli")  # each may import those before it
SOURCES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
MOST_LINES = 360
WITHOUT_TORCH = (
    "bitstream.still",
    "codec",
    "codec.api",
    "codec.jobs.describe_still",
    "codec.model.registry",
    "codec.formats.video.write.open",
    "codec.formats.sniff",
    "codec.formats.video.read.open",
    "codec.formats.pictures.load",
    "codec.formats.pictures.save",
    "codec.pillow",
    "codec.jobs.decode_video",
    "codec.jobs.edit",
    "codec.jobs.encode_video",
    "codec.still.encode",
    "codec.still.salvage",
    "cli.main",
)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers_import_downwards_only(path: Path) -> None:
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    above = set(LAYERS[layer + 1 :])
    assert not imported(path) & above
    assert layer > 0 or "torch" not in imported(path)


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=lambda p: p.name)
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_no_torch_before_a_network_is_needed(module: str) -> None:
    check = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


def test_the_public_names_are_there() -> None:
    import codec

    for name in codec.__all__:
        assert getattr(codec, name) is not None
    with pytest.raises(AttributeError):
        codec.no_such_name
