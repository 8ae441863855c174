"""Tracklets to batches: chunks, sampling, decoded frames and cached pose maps."""
