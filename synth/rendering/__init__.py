"""Rendering of planned clips by Blender, in parallel on Ray workers."""
