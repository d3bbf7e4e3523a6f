"""How work is done: threads, processes, reading ahead, progress, time by stage."""
