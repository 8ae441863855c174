"""The plan of a set: every clip as data, drawn from a seed. Needs neither meshes nor Blender."""
