"""Groups of options that several commands share, and checks of their values. Imports no torch."""
