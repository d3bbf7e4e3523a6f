"""Video and animations of other formats in: files and pipes -> frames and packets of sound."""
