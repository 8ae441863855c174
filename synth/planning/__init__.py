"""What each clip shows, drawn from a seed: people, scenes, cameras, bystanders. Nothing is rendered here."""
