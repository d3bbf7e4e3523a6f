"""Small denoisers and colourisers with random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from codec.restore.config import Kind, RestoreConfig
from codec.restore.file import write_restore_file
from codec.restore.network import RestoreNetwork
from codec.training.image_network import draw_weights


def tiny_network(kind: Kind, seed: int = 0, head: float = 1.0) -> RestoreNetwork:
    """`head` scales what it makes: 0 leaves noisy pictures as they are, and grey ones grey."""
    torch.manual_seed(seed)
    network = RestoreNetwork(RestoreConfig(kind, 2, (8, 16), (1, 1)))
    draw_weights(network)
    network.requires_grad_(False)
    network.head.weight.mul_(head)
    network.head.bias.mul_(head)
    return network


def write_tiny(path: Path, kind: Kind, seed: int = 0, head: float = 1.0) -> Path:
    """The file of one."""
    network = tiny_network(kind, seed, head)
    tensors = {name: tensor.half().numpy() for name, tensor in network.state_dict().items()}
    write_restore_file(path, path.stem, network.config, tensors)
    return path
