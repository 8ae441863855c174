"""The options of training as dataclasses. Imports no torch."""
