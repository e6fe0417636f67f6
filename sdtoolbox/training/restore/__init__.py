"""Training of the restoration networks that the toolbox ships, from drawn pictures alone."""
