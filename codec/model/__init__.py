"""Model files: what they hold, where they are found, how they are loaded."""
