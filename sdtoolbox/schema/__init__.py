"""What travels between doors, queue and workers: requests in, events and results out."""
