"""Selectors: what makes a mask of a thing in a picture that somebody pointed at."""
