"""Pictures in and out: what Pillow reads -> pixels and metadata; pixels and metadata -> what Pillow writes."""
