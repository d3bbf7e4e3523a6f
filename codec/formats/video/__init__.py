"""Video of other formats in and out, by FFmpeg through PyAV."""
