"""Predicted frames before any network: motion compensation, choice of modes and of copied blocks, order of frames.

Pictures are (3, H, W), values 0..255. Vectors are (H/16, W/16, 2) int64, one (dy, dx) for each block of 16x16 pixels,
in quarter pixels: prediction(y, x) = reference(y + dy / 4, x + dx / 4).
"""
