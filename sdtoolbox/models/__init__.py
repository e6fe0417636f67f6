"""What is on disk: checkpoints listed and recognised, never loaded here."""
