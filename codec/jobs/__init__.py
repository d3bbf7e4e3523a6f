"""File in, file out: what the command line calls, and a Python program may call, too."""
