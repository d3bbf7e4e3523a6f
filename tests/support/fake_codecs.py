"""Programs that stand in for `vvencapp`, `vvdecapp`, VTM's and mozjpeg's, to test how they are called.

The encoders check their arguments as the real ones do, and "compress" by storing arguments and planes; the decoders
write the planes out again, and refuse anything else.
"""

from __future__ import annotations

import sys
from pathlib import Path

_ENCODER = """
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
if arguments == ["--version"]:
    sys.exit(print("{name} version 1.2.3 (fake)"))
given = {parsed}
planes = Path(given["input"]).read_bytes()
width, height = (int(side) for side in given["size"].split("x"))
samples = {samples}
if len(planes) != 2 * samples:
    sys.exit(f"{name}: {{len(planes)}} bytes are no {{width}} x {{height}} picture")
if int(given["qp"]) > 63:
    sys.exit("{name}: starting\\n\\nERROR: qp out of range\\n")
Path(given["output"]).write_bytes(b"FAKE" + json.dumps(arguments).encode() + b"\\n" + planes)
"""
_DECODER = """
import sys
from pathlib import Path
arguments = sys.argv[1:]
if arguments == ["--version"]:
    sys.exit(print("{name} version 1.2.3 (fake)"))
given = {parsed}
stream = Path(given["bitstream"]).read_bytes()
if not stream.startswith(b"FAKE"):
    sys.exit("{name}: not a VVC stream")
Path(given["output"]).write_bytes(stream.partition(b"\\n")[2])
"""
_PAIRS = "{a.lstrip('-'): b for a, b in zip(arguments[::2], arguments[1::2], strict=True)}"
_CJPEG = """
import io, sys
from PIL import Image
if sys.argv[1:] == ["-version"]:
    sys.exit("{version}")
quality, rest = sys.argv[2], [sys.argv[1], *sys.argv[3:]]
if rest != ["-quality", "-optimize", "-progressive"]:
    sys.exit(f"cjpeg: bad arguments {{rest}}")
picture = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=["PPM"])
picture.save(sys.stdout.buffer, "jpeg", quality=int(quality), optimize=True, progressive=True)
"""
# VTM's are --Name=value after "-c FILE"; they are read under vvenc's names.
_VTM_NAMES = "{'InputFile': 'input', 'BitstreamFile': 'BITS', 'ReconFile': 'RECON', 'QP': 'qp'}"
_VTM = "(lambda n, g: {n.get(k, k): v for k, v in g})(%s, [a[2:].split('=', 1) for a in arguments if '=' in a])"


def _write(folder: Path, name: str, source: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{source}")
    path.chmod(0o755)


def write_vvenc(folder: Path) -> None:
    """`vvencapp` and `vvdecapp` for 4:2:0 of 10 bits."""
    samples = "width * height * 3 // 2"
    _write(folder, "vvencapp", _ENCODER.format(name="vvencapp", parsed=_PAIRS, samples=samples))
    _write(folder, "vvdecapp", _DECODER.format(name="vvdecapp", parsed=_PAIRS))


def write_vtm(folder: Path) -> Path:
    """`EncoderApp` and `DecoderApp` for 4:4:4 of 10 bits; the configuration file is returned."""
    given = _VTM % _VTM_NAMES
    encoding = f"(lambda g: {{**g, 'size': g['SourceWidth'] + 'x' + g['SourceHeight'], 'output': g['BITS']}})({given})"
    decoding = f"(lambda g: {{'bitstream': g['BITS'], 'output': g['RECON']}})({given})"
    _write(folder, "EncoderApp", _ENCODER.format(name="EncoderApp", parsed=encoding, samples="width * height * 3"))
    _write(folder, "DecoderApp", _DECODER.format(name="DecoderApp", parsed=decoding))
    config = folder / "encoder_intra_vtm.cfg"
    config.write_text("IntraPeriod : 1\n")
    return config


def write_cjpeg(folder: Path, version: str = "mozjpeg version 4.1.5 (build 20240101)") -> None:
    """A `cjpeg` that says it is of `version` and compresses with Pillow."""
    _write(folder, "cjpeg", _CJPEG.format(version=version))
