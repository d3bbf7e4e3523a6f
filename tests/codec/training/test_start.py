"""Weights to start from: what fits is taken and the rest named, and what is not tensors is not run."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bitstream.errors import FileAccessError, RequestError
from codec.notes import WispNote
from codec.training.image_network import ImageNetwork
from codec.training.start import frozen_network, read_weights, start_weights
from tests.support.tiny import tiny_config
from tests.support.training import write_base


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "done"),)

    torch.save({"network": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(FileAccessError, match="holds more than tensors") as caught:
        read_weights(str(tmp_path / "evil.pt"))
    assert not (tmp_path / "done").exists() and "weights_only" not in str(caught.value)


def test_what_begins_anew_is_named(tmp_path: Path) -> None:
    """A network of more channels in the prior: transforms are taken, what does not fit keeps its random weights."""
    base = write_base(tmp_path)
    other = ImageNetwork(dataclasses.replace(tiny_config(), cp=tiny_config().cp + 4))
    before = {name: value.clone() for name, value in other.state_dict().items()}
    said = r"base.safetensors fits in part: \d+ of \d+ tensors \(analysis \d+, .*, the others begin anew \(prior \d+\)"
    with pytest.warns(WispNote, match=said):
        start_weights(other, str(base))
    after, source = other.state_dict(), read_weights(str(base))
    assert torch.equal(after["analysis.stem.weight"], source["analysis.stem.weight"])
    for name, value in after.items():
        fits = name in source and source[name].shape == value.shape
        assert torch.equal(value, source[name] if fits else before[name])
    with pytest.raises(RequestError, match="no tensor of"):
        start_weights(torch.nn.Linear(2, 2), str(base))


def test_a_part_of_an_image_network_is_none(tmp_path: Path) -> None:
    """As the weights of a faster synthesis are."""
    part = {name: value for name, value in read_weights(str(write_base(tmp_path))).items() if "synthesis" in name}
    save_file(part, tmp_path / "part.safetensors", {"config": tiny_config().canonical_json()})
    with pytest.raises(FileAccessError, match=r"is no image network: it lacks analysis \d+, hyper_analysis \d+, prior"):
        frozen_network(str(tmp_path / "part.safetensors"), torch.device("cpu"))
