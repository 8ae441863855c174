"""What a machine has and what it lacks: the checks of the two `doctor` commands, with the standard library alone."""
