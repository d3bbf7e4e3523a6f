"""Wisp sequences: frames <-> records, in constant memory."""
