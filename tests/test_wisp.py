"""The public package: every name of `wisp` is there, is the codec's own, and costs no torch before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import codec
import wisp


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
