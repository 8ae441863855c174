"""Augmentations of a batch's frames: geometry and colour, background, occlusion."""
