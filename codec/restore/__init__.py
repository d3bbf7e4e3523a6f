"""Restoring pictures and videos: noise taken out, colours put in."""
