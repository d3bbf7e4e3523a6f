"""Other people's formats: pictures through Pillow, videos through FFmpeg (PyAV), in and out."""
