"""Exports as people have them, made by hand, and how well they are imported."""
