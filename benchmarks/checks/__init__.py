"""Wisp against its own figures, on this machine: `python -m benchmarks.checks [NAME ...]`."""
