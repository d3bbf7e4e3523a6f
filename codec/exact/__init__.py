"""The entropy path: integer arithmetic carried by floats, the same on every machine (bitstream/FORMAT.md)."""
