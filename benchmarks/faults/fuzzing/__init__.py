"""Mutants of good files for the readers of the project: how they are made, what reads them, how that ended."""
