"""The core's size, speed and precision: `python -m benchmarks.core`."""
