"""The public package: every name of `wisp` is there, is the codec's own, and costs no torch before it is used.

So is every type that a signature names; each prints itself in a line, without pixels and bytes.
"""

from __future__ import annotations

import ast
import inspect
import io
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import codec
import wisp
from codec.coder import Coder
from tests.support.clips import moving


def test_every_public_name_is_the_codecs() -> None:
    assert set(codec.__all__) < set(wisp.__all__) <= set(dir(wisp))
    for name in wisp.__all__:
        assert getattr(wisp, name) is getattr(codec, name)
        assert name == "__version__" or inspect.getdoc(getattr(wisp, name))


def test_importing_it_imports_no_torch() -> None:
    script = "import sys, wisp, wisp.pillow; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_name_that_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match=r"^module 'wisp' has no attribute 'nothing'$"):
        _ = wisp.nothing


OURS = ("bitstream", "codec")
SHORT = 600  # characters


def imported(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Name -> (module, name there) of what a module imports, for types alone, too."""
    nodes = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in nodes for alias in node.names}


def types_named(annotation: str, module: ModuleType) -> Iterator[str]:
    """Names of our classes in an annotation, through aliases."""
    known = imported(module)
    for name in [node.id for node in ast.walk(ast.parse(annotation)) if isinstance(node, ast.Name)]:
        place, there = known.get(name, (module.__name__, name))
        if place.split(".")[0] in OURS:
            found = import_module(place)
            value = getattr(found, there, None)
            if isinstance(value, str):
                yield from types_named(value, found)
            elif isinstance(value, type):
                yield there


def annotated(public: Any) -> Iterator[Any]:
    """A function; or a class, its bases but the one beneath `Codec`, and what is public in them."""
    if inspect.isfunction(public):
        yield public
    elif inspect.isclass(public):
        yield public.__init__
        for each in [base for base in public.__mro__ if base.__module__.split(".")[0] in OURS and base is not Coder]:
            yield each
            for name, member in vars(each).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if inspect.isfunction(function) and (not name.startswith("_") or name in ("__getitem__", "__iter__")):
                    yield function


def test_every_type_that_a_signature_names_is_public() -> None:
    missing = {
        (name, function.__qualname__)
        for public in wisp.__all__
        for function in annotated(getattr(wisp, public))
        for key, annotation in inspect.get_annotations(function).items()
        if not key.startswith("_")
        for name in types_named(str(annotation), import_module(function.__module__))
        if name not in wisp.__all__
    }
    assert not missing


def test_every_public_type_prints_itself_in_a_line(tmp_path: Path) -> None:
    frames, sound = moving(3), codec.AudioStream(0, "opus", Fraction(1, 48000), 48000, "stereo", extra=bytes(5000))
    metadata, path = codec.Metadata(icc=bytes(5000)), tmp_path / "a.wisp"
    writer = codec.VideoWriter(path, (96, 64), 25, lossless=True, metadata=metadata, audio=[sound])
    with writer:
        written = writer.write(frames[0])
    still = codec.encode(frames[0], lossless=True, tile=64)
    encoded = codec.encode_file(io.BytesIO(still_png(frames[0])), tmp_path / "b.wisp", lossless=True)
    damaged = bytearray(still)
    damaged[-20] ^= 1
    _, report = codec.salvage(bytes(damaged))
    map_ = codec.Region(np.zeros((900, 900), np.uint8))
    settings = codec.EncodeSettings(regions=[map_], effort=5, target=codec.Target("bpp", 1))
    with codec.open_video(path) as video:
        made = [
            *(video, video[:], video[0], written, written.record, video.clip, writer, metadata, sound, settings, map_),
            *(codec.AudioPacket(0, bytes(5000), 3), codec.Picture(frames[0]), report, *report.damaged, settings.target),
            *(report.damaged[0].box, codec.Codec(), codec.probe(still), codec.probe(path), encoded),
            *(
                codec.decode_file(still, tmp_path / "b.png"),
                codec.DecodeSettings(),
                codec.Selection(),
                codec.Scale(3, 4),
            ),
        ]
    types = [public for public in (getattr(wisp, name) for name in wisp.__all__) if has_objects(public)]
    assert len(types) > 20 and not [each for each in types if not any(isinstance(one, each) for one in made)]
    long = [
        each for each in map(repr, made) if len(each) > SHORT or any(part in each for part in ("\n", "array", "\\x"))
    ]
    assert not long


def still_png(pixels: Any) -> bytes:
    """A PNG file of them."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def has_objects(public: Any) -> bool:
    """Whether it is a class that a program has objects of; errors print themselves as Python's, options are dicts."""
    return inspect.isclass(public) and not issubclass(public, (BaseException, dict))
