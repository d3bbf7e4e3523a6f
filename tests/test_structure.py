"""The house rules that a reader relies on: layers, torch only where it is needed, files that stay readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("bitstream", "codec", "benchmarks", "cli", "wisp")  # each may import those before it
FACES = ("codec", "wisp")  # which load their names when they are used
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
    "codec.restore.api",
    "codec.jobs.decode_video",
    "codec.jobs.edit",
    "codec.jobs.encode_video",
    "codec.jobs.restore",
    "codec.still.encode",
    "codec.still.salvage",
    "codec.training.data.crops",
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


def test_layers_import_downwards_only() -> None:
    for path in SOURCES:
        layer = LAYERS.index(path.relative_to(ROOT).parts[0])
        above = {*LAYERS[layer + 1 :], *(["torch"] if layer == 0 else [])}
        assert not imported(path) & above, path


def test_files_stay_readable() -> None:
    paths = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    assert not [path for path in paths if len(path.read_text().splitlines()) > MOST_LINES]


def test_the_library_names_no_option_of_the_command_line() -> None:
    """Its messages and docstrings speak Python; `cli` adds the option that helps. Programs of their own aside."""
    option = re.compile(r"""(?:^|[\s(`'"])(--[a-z][\w-]+|-[a-z])(?![\w-])""")
    for path in SOURCES:
        text = path.read_text()
        if path.relative_to(ROOT).parts[0] not in ("bitstream", "codec") or re.search("import click|python -m", text):
            continue
        strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        found = [option.findall(value) for value in strings if isinstance(value, str)]
        assert not any(found), (path, [names for names in found if names])


def test_no_torch_before_a_network_is_needed() -> None:
    check = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
    check += "    assert 'torch' not in sys.modules, name\n"
    run = subprocess.run([sys.executable, "-c", check, *WITHOUT_TORCH], cwd=ROOT, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()


def test_the_public_names_are_there() -> None:
    import codec

    for name in codec.__all__:
        assert getattr(codec, name) is not None
    with pytest.raises(AttributeError):
        codec.no_such_name


def test_no_module_imports_itself_through_others() -> None:
    """No import cycle: at the top, inside functions, or for types alone. `codec` and `wisp` are lazy faces."""
    modules = {module_of(path): path for path in SOURCES}
    graph = {
        name: {found for found in modules_imported(path) if found in modules and found not in FACES}
        for name, path in modules.items()
        if name not in FACES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules_imported(path: Path) -> set[str]:
    """Every module or name that is imported, as `package.name` and as `package`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names - {module_of(path)}
