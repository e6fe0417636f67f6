"""Training of the models that the toolbox ships, from a drawn world to weights."""
