"""Steps that state machines have taken in this process."""

from collections import Counter

STEPS = Counter[str]()
"""Number of steps by the machine's module."""
