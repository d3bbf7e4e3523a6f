"""The network of a denoiser or colouriser, made as a recipe says."""

from __future__ import annotations

from typing import Any

import torch

from bitstream.errors import ModelFileError, RequestError
from codec.restore.config import RestoreConfig
from codec.restore.network import RestoreNetwork
from codec.training.distributed import Processes
from codec.training.image_network import draw_weights
from codec.training.recipe import Recipe
from codec.training.start import start_weights
from codec.training.task import train_parts


def restore_network(recipe: Recipe, processes: Processes) -> RestoreNetwork:
    """With random weights, or those that the recipe starts from, on the device. Raises RequestError."""
    sizes: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in recipe.network.items()
    }
    try:
        config = RestoreConfig(recipe.task, **sizes)
    except (TypeError, ModelFileError) as error:
        raise RequestError(f"recipe: network: {error}") from None
    torch.manual_seed(recipe.seed)
    network = RestoreNetwork(config)
    draw_weights(network)
    network.requires_grad_(True)
    torch.nn.init.zeros_(network.head.weight)  # the start leaves pictures as they are
    start_weights(network, recipe.start)
    network.to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train_parts(network, recipe.train)
    if recipe.crop % config.multiple:
        raise RequestError(f"recipe: crop = {recipe.crop} is not a multiple of {config.multiple}, as the network needs")
    return network
