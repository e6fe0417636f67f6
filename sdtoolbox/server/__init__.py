"""The web server: the only package that imports fastapi."""
