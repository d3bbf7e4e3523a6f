"""The command `wisp`: one file a subcommand, shared options in options.py."""
