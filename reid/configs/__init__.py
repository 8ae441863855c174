"""The options of each command as one dataclass, a file for each command. Imports no torch."""
