"""Synthetic data sets for video person re-identification, planned as data and rendered by Blender."""
