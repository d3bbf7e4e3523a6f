"""The HTML report of a benchmark: one file that needs no network."""
