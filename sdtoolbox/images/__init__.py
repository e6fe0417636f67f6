"""Pictures at rest: the store and the metadata in the files."""
