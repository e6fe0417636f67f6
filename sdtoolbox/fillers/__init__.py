"""Fillers: what closes a hole in a picture from its surroundings, before it is drawn anew or in place of that."""
