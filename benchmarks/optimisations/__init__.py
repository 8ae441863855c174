"""Every optimisation switched off and on: whole commands, and how far their results lie apart."""
