"""Restorers by arithmetic alone: what takes noise and specks off a picture, or sharpens it, without a network."""
