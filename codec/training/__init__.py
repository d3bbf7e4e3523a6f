"""Training: from a folder of pictures to weights, and from weights to a model file."""
