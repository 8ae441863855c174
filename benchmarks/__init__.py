"""Measurements, one command per file: accuracy of direct transfer, speed, robustness."""
