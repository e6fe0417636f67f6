"""Preprocessors: what a picture goes through before img2img draws it anew."""
