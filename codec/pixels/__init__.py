"""Pixels in memory: pictures, frames, geometry, transparency, distortion."""
