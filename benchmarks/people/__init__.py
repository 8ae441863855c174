"""Faults of the people that `synth` makes."""
