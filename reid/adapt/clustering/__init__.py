"""Descriptors of tracklets without labels, their clusters, and the score without labels."""
