"""Faces in pictures: where they lie, cut out upright, and laid back; arithmetic, without any network of torch."""
