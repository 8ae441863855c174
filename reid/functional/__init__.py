"""Losses and pose arithmetic: tensors in, tensors out."""
