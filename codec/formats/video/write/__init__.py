"""Video, animations and numbered pictures of other formats out."""
