"""State machines (Hypothesis): steps in any order against a model of what must then be there."""
