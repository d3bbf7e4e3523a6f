"""The benchmark's arithmetic: floors, measures and the JPEG beside a Wisp file."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from benchmarks.checks.floor import Rates, floors, stage_macs
from benchmarks.checks.size import IdealLength
from benchmarks.demo import compare, encode_jpeg, jpeg_reaching
from benchmarks.measures import bits_per_pixel, psnr
from benchmarks.processes import run_process
from codec.api import Codec
from codec.model.config import ModelConfig
from codec.model.quality import to_model_quality
from codec.network.layers import Conv
from codec.network.transforms import Analysis, HyperAnalysis, Synthesis
from codec.still.trial import emit


def test_psnr_and_rate_by_hand() -> None:
    a = np.zeros((4, 5, 3), np.uint8)
    b = a.copy()
    b[0, 0, 0] = 30
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / (900 / 60)))
    assert psnr(a, a) == np.inf
    assert bits_per_pixel(10, a) == 4.0


def test_macs_agree_with_what_the_networks_do() -> None:
    """Counted by hooks while the real modules run, for a model with unlike channel counts."""
    config = ModelConfig(c=16, cy=24, cz=8, enc_depth=3, dec_depth=5, deep=1, cp=12)
    counted = 0

    def count(module: Conv, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        counted += module.weight[0].numel() * output.numel()

    macs = stage_macs(config, 128, 192)
    quality = torch.tensor(0)
    folded, latent = torch.zeros(1, 192, 24, 16), torch.zeros(1, 24, 12, 8)
    networks: list[tuple[str, nn.Module, tuple[torch.Tensor, ...]]] = [
        ("analysis", Analysis(config), (folded, quality)),
        ("hyper analysis", HyperAnalysis(config), (latent,)),
        ("synthesis", Synthesis(config), (latent, quality)),
    ]
    for stage, network, arguments in networks:
        counted = 0
        for module in network.modules():
            if isinstance(module, Conv):
                module.register_forward_hook(count)
        network(*arguments)
        assert counted == macs[stage]


def test_floors_take_each_path_in_its_precision() -> None:
    config = ModelConfig()
    macs = stage_macs(config, 768, 512)
    encode, decode = floors(config, 768, 512, "bf16", Rates(fp32=1e9, bf16=2e9))
    assert decode == pytest.approx(macs["synthesis"] / 2e9 + macs["prior"] / 1e9)
    assert encode == pytest.approx((macs["analysis"] + macs["hyper analysis"]) / 2e9 + macs["prior"] / 1e9)
    assert macs["prior"] / (768 * 512) == pytest.approx(18.4e3, rel=0.01)  # added up by hand from FORMAT.md


def test_the_jpeg_beside_is_pillows_own(photograph: NDArray[np.uint8]) -> None:
    crop = photograph[:160, :160]
    buffer = io.BytesIO()
    Image.fromarray(crop).save(buffer, "jpeg", quality=40, subsampling="4:2:0", optimize=True, progressive=True)
    point = encode_jpeg(crop, 40)
    assert point.data == buffer.getvalue()
    reached = jpeg_reaching(crop, 33.0)
    assert reached.psnr >= 33.0
    assert reached.bytes == min(p.bytes for p in (encode_jpeg(crop, q) for q in range(1, 101)) if p.psnr >= 33.0)


def test_a_comparison_is_of_real_files(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[:128, :192]
    row = compare(wisp, crop, 50)
    assert np.array_equal(wisp.decode_array(row.wisp.data), row.wisp.decoded)
    assert row.wisp.bpp == 8 * len(row.wisp.data) / (128 * 192)
    assert row.jpeg.psnr >= row.wisp.psnr


@pytest.mark.parametrize(("quality", "part"), [(30, 2), (60, 1), (75, 2)])
def test_real_bytes_are_near_the_ideal_length(
    wisp: Codec, photograph: NDArray[np.uint8], quality: int, part: int
) -> None:
    photograph = photograph[: 512 // part, : 768 // part]
    model = wisp.load(wisp.model_info.id)
    sink = IdealLength(model)
    emit(model, photograph, to_model_quality(model.file.quality_curve, quality), sink)
    assert sink.bits / 8 < len(wisp.encode(photograph, quality)) < 1.001 * sink.bits / 8 + 96


def test_processes_are_measured_and_failures_noticed() -> None:
    run = run_process([sys.executable, "-c", "x = b'x' * 50_000_000"])
    assert run.seconds > 0 and run.peak_mib > 50
    with pytest.raises(Exception, match="exit status 3"):
        run_process([sys.executable, "-c", "raise SystemExit(3)"])
