"""Find a person in an index of tracklets."""
