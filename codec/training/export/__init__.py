"""From a training checkpoint to a model file: `python -m codec.training.export --help`."""
