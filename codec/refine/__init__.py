"""Encoder-side refinement: latents of one picture, improved by gradient descent through the frozen decoder."""
