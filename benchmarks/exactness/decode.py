"""Decodes the golden files under configurations of this process.

`python -m benchmarks.exactness.decode '{"folder": ..., "configurations": [...]}'` prints a line for each of the
configurations: MARK and a JSON object with the fields of Found. Other lines there are oneDNN's.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.exactness.configurations import Configuration
from benchmarks.exactness.golden import Golden, read_goldens
from bitstream.errors import CorruptError, ExactnessError, UnsupportedError

if TYPE_CHECKING:
    from codec.api import Codec

MARK = "wisp-exactness "
Verdict = Literal["decoded", "corrupt", "refused", "failed", "unavailable"]
_ENCODED = (slice(128, 320), slice(256, 512))  # of the demo picture
_QUALITY = 50
_LARGEST_SHOWN = 8192  # bytes: a whole picture's synthesis would take longer than all the rest


@dataclass(frozen=True)
class Found:
    """What one configuration gave. `pixels` and `encoded` may differ between machines: they are told, not judged."""

    name: str
    verdict: Verdict
    reason: str = ""
    entropy_dtype: str = ""  # that computed
    capability: str = ""  # instructions that torch uses
    latents: dict[str, str] = field(default_factory=dict)  # SHA-256 by golden file
    pixels: str = ""  # SHA-256 over what the smaller files show
    encoded: str = ""  # SHA-256 of a file made here


def run_configuration(configuration: Configuration, goldens: Sequence[Golden]) -> Found:
    """Load the model anew, decode every golden file, and leave torch as it was."""
    import torch

    from benchmarks.exactness.settings import UnavailableError, host_setting
    from codec.work.threads import chosen_threads, set_threads

    threads, chosen = torch.get_num_threads(), chosen_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    set_threads(configuration.threads)
    torch.set_num_threads(configuration.threads)
    try:
        with host_setting(configuration.setting, configuration.device):
            return _decode(configuration, goldens, capability)
    except (UnavailableError, UnsupportedError) as error:
        return Found(configuration.name, "unavailable", str(error), capability=capability)
    except ExactnessError as error:
        return Found(configuration.name, "refused", str(error), capability=capability)
    finally:
        set_threads(chosen)
        torch.set_num_threads(threads)


def _decode(configuration: Configuration, goldens: Sequence[Golden], capability: str) -> Found:
    from codec.api import Codec
    from codec.still.decode import decode_latents
    from codec.still.layout import BATCH_LATENTS

    codec = Codec(
        device=configuration.device, precision=configuration.precision, entropy_dtype=configuration.entropy_dtype
    )
    batch = BATCH_LATENTS if configuration.batched else 1
    latents, faults = {}, []
    model = codec.load(codec.model_info.id)
    if configuration.layout == "NCHW":
        _relay(model)
    for golden in goldens:
        try:
            still = codec.parsed(golden.data)
            latents[golden.name] = decode_latents(still, codec.load, batch_latents=batch).sha256
        except CorruptError as error:
            faults.append(f"{golden.name}: {error}")
    found = Found(configuration.name, "corrupt", "; ".join(faults), model.entropy_dtype, capability, latents)
    if faults:
        return found
    pixels, encoded = _pixels_and_bytes(codec, goldens)
    return replace(found, verdict="decoded", pixels=pixels, encoded=encoded)


def _relay(model: Any) -> None:
    """Give the model an entropy path whose tensors are laid out channel by channel."""
    import torch

    from codec.exact.prior import ExactPrior

    prior = ExactPrior(
        model.config, model.file.tensors, model.runtime.device, model.prior.dtype, torch.contiguous_format
    )
    vars(model)["prior"] = prior  # where the cached property keeps it


def _pixels_and_bytes(codec: Codec, goldens: Sequence[Golden]) -> tuple[str, str]:
    """SHA-256 over the pixels that the smaller golden files show, and of a file encoded here."""
    from benchmarks.datasets import DEMO_PICTURE, read_picture

    pixels = hashlib.sha256()
    for golden in (golden for golden in goldens if len(golden.data) <= _LARGEST_SHOWN):
        pixels.update(codec.decode_array(golden.data).tobytes())
    encoded = codec.encode(read_picture(DEMO_PICTURE)[_ENCODED], _QUALITY)
    return pixels.hexdigest(), hashlib.sha256(encoded).hexdigest()


def main() -> None:
    """Run the job in the one argument."""
    job = json.loads(sys.argv[1])
    goldens = read_goldens(Path(job["folder"])).files
    for fields in job["configurations"]:
        found = run_configuration(Configuration(**fields), goldens)
        print(f"\n{MARK}{json.dumps(asdict(found))}", flush=True)


if __name__ == "__main__":
    main()
