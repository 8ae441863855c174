"""Meshes of people, clothes, hair and accessories."""
