"""python -m reid.ablation: the paper's Tables 1a, 1b and 2, trained and evaluated cell by cell."""
