"""Faults on purpose: calls on files that fail one after the other, hostile files, hours of kills."""
