"""LPIPS: the number of the package with the same weights, which files are taken, and what is absent without it."""

from __future__ import annotations

import io
import math
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.measures import learned
from benchmarks.measures.catalog import open_measures
from tests.support.measured import SHAPES, opened, pair, tensor


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state dict of torchvision's AlexNet; its values are random, for only the arithmetic is tested."""
    library = torch.library.Library("torchvision", "FRAGMENT")  # a torchvision for another torch lacks operators
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    pytest.importorskip("lpips")
    from torchvision.models import alexnet

    with torch.device("meta"):
        shapes = {name: values.shape for name, values in alexnet(weights=None).state_dict().items()}
    torch.manual_seed(3)
    # Of the classifier, which LPIPS does without, one zero is stored: it has 58 of the 61 million values.
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    for name in (name for name in shapes if name.startswith("features")):
        state[name] = torch.randn(shapes[name]) / math.sqrt(math.prod(shapes[name][1:]))
    path = tmp_path_factory.mktemp("lpips") / "alexnet.pth"
    torch.save(state, path)
    yield path
    del library


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")  # of names of arguments that lpips uses
def test_lpips_is_the_packages_with_these_weights(weights: Path) -> None:
    import lpips
    from torchvision.models import alexnet

    with torch.device("meta"):
        features = alexnet(weights=None)
    features.load_state_dict(torch.load(weights, weights_only=True), assign=True)
    by_hand = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    taken = iter(features.features[index] for index in (0, 3, 6, 8, 10))
    for module in by_hand.net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.load_state_dict(next(taken).state_dict())
    reference, shown = pair(70, 90)
    with torch.no_grad():
        expected = float(by_hand(tensor(reference) / 255, tensor(shown) / 255, normalize=True))
    measure = opened("lpips", weights)
    value = measure.compute(reference, shown)
    assert value == pytest.approx(expected, rel=1e-5)
    assert 0 < value < measure.compute(reference, pair(70, 90, 60)[1])
    for shape in SHAPES:
        small = pair(*shape)
        assert measure.compute(*small) > 0 == measure.compute(small[0], small[0])


def test_lpips_takes_only_a_state_dict_of_alexnet(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained = learned._untrained()
    monkeypatch.setattr(learned, "_untrained", lambda: untrained)  # to make one takes a second

    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    state = torch.load(weights, weights_only=True)
    other, stream = tmp_path / "other.pth", io.BytesIO()
    torch.save({**state, "features.3.bias": torch.zeros(5)}, stream)
    unlike = stream.getvalue()
    for data in (b"", b"nothing", pickle.dumps(Harm()), weights.read_bytes()[:5000], unlike):
        other.write_bytes(data)
        _, absent = open_measures(["lpips"], lpips_weights=other)
        assert absent[0].reason == f"{other} is no state dict of torchvision's AlexNet"
    assert not (tmp_path / "harm").exists()
    _, absent = open_measures(["lpips"], lpips_weights=tmp_path / "none.pth")
    assert absent[0].reason.endswith("none.pth: No such file or directory")


def test_lpips_is_absent_without_a_package_or_with_a_torchvision_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tmp_path / "weights.pth"
    some.write_bytes(b"never read")
    monkeypatch.setitem(sys.modules, "lpips", None)
    _, absent = open_measures(["lpips"], lpips_weights=some)
    assert (absent[0].reason, absent[0].remedy) == ("the package lpips is not installed", "pip install lpips")
    (tmp_path / "lpips.py").write_text("raise RuntimeError('operator torchvision::nms does not exist\\nmore')")
    monkeypatch.delitem(sys.modules, "lpips")
    monkeypatch.syspath_prepend(tmp_path)
    _, absent = open_measures(["lpips"], lpips_weights=some)
    said = f"torchvision does not fit torch {torch.__version__}: operator torchvision::nms does not exist"
    assert absent[0].reason == said
    assert "from one index" in absent[0].remedy
