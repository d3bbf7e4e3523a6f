"""Importing this module registers the Pillow plugin: Pillow then opens and saves `.wisp` files."""

from codec.pillow import WispImageFile, register_pillow

__all__ = ["WispImageFile", "register_pillow"]
