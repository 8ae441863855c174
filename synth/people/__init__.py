"""Who somebody is and what they wear, as data."""
