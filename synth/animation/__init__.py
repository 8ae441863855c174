"""A walk to joint rotations for every frame: gait, motion capture, foot planting."""
