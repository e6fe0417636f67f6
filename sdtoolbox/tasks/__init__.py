"""One file, one feature: what happens between a request and its pictures."""
