"""Lens, tracker, sensor and image pipeline of a camera."""
