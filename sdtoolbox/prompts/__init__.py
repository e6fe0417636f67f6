"""From text to a plan: what to encode, with which weights."""
