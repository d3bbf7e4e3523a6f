"""Bytes in and out: paths, pipes and file objects."""
