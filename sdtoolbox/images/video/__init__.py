"""Videos: what may be opened, their frames, their sound, how they are written. Only here av is imported."""
