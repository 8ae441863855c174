"""Detectors of persons: images of one size to boxes."""
