"""Losses, pose targets and decoding, keypoint metrics: tensors in, tensors out."""
