"""The `.wisp` file: bytes only, no neural network (see FORMAT.md beside this file)."""
