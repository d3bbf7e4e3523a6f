"""The video benchmark: sequences, codecs, measures and the run; the report is that of the pictures."""
