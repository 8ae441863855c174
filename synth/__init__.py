"""Synthetic people on video: plans, bodies, walks, places and cameras, rendered by Blender."""
