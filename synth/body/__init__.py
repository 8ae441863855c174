"""Meshes of a person and of what they wear."""
