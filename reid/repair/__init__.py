"""Tracklets that mix two persons are split, and those that are broken are joined, by their descriptors."""
