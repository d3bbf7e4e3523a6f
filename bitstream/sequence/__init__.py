"""Sequences: the header's timing, a record a frame, ancillary streams, index and tail (FORMAT.md, section 10)."""
