"""Walks to bone rotations for every frame: gait, motion capture, foot planting."""
