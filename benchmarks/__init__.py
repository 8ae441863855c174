"""Measurements, each a command: what carries, what is fast, and against what."""
