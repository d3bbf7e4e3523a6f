"""Makes the golden files of the package: `python -m benchmarks.exactness.make tests/golden`.

Copies those of NAMES from the folder given, codes the demo picture (768x512, one whole tile) once, and writes
expected.json from what the files decode to in float64 and float32 alike. A hash that is there and would change
is an error: the format promises that it never does.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from benchmarks.datasets import DEMO_PICTURE, read_picture
from benchmarks.exactness.golden import EXPECTED, FOLDER
from codec.api import Codec

NAMES = ("tiles", "best", "smallest", "noise", "deltas", "grey", "rgba", "mixed")
WHOLE_TILE, QUALITY = "monarch", 75


def make(source: Path, folder: Path = FOLDER) -> dict[str, str]:
    """Write the golden files of `folder` -> latents_sha256 by name. Raises ValueError where a hash would change."""
    single, double = (Codec(device="cpu", precision="fp32", entropy_dtype=dtype) for dtype in ("fp32", "fp64"))
    contents = {name: (source / f"{name}.wisp").read_bytes() for name in NAMES}
    kept = folder / f"{WHOLE_TILE}.wisp"
    contents[WHOLE_TILE] = kept.read_bytes() if kept.exists() else single.encode(read_picture(DEMO_PICTURE), QUALITY)
    listing = folder / EXPECTED
    before = json.loads(listing.read_text("utf-8"))["files"] if listing.exists() else {}
    files = {}
    for name, data in contents.items():
        latents = double.check(data)
        hashes = {"file_sha256": hashlib.sha256(data).hexdigest(), "latents_sha256": latents}
        if single.check(data) != latents or before.get(name, hashes) != hashes:
            raise ValueError(f"{name}.wisp does not decode to what it did")
        files[name] = hashes
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / f"{name}.wisp").write_bytes(data)
    listing.write_text(json.dumps({"model": single.model_info.id, "files": files}, indent=2) + "\n", "utf-8")
    return {name: hashes["latents_sha256"] for name, hashes in files.items()}


if __name__ == "__main__":
    for made, latents in make(Path(sys.argv[1])).items():
        print(f"{latents}  {made}")
