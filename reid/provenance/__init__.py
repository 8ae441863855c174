"""Which identities a network was trained on, and the notes that its results must carry."""
