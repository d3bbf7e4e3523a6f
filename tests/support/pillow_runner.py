"""Programs that know Pillow only, with `import codec.pillow` before them.

Each runs in a process of its own, for a plugin stays registered as long as the process lives.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.cli_runner import SECONDS, environment

PRELUDE = """
import codec.pillow, json, sys, warnings
from io import BytesIO
from pathlib import Path
from PIL import Image
out = {}
"""


def run_program(
    program: str, folder: Path, env: Mapping[str, str] | None = None, *, tidy: bool = False
) -> dict[str, Any]:
    """Run it in `folder` with the plugin -> what it put into `out`. One that is `tidy` leaves no file open."""
    script = f"{PRELUDE}{program}\nprint(json.dumps(out))\n"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-W", "default::ResourceWarning", "-c", script],
        cwd=folder,
        env=environment(env),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert not tidy or not result.stderr, result.stderr.decode()
    found: dict[str, Any] = json.loads(result.stdout)
    return found
