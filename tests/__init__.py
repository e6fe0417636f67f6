"""Tests, one file a module of the package; `tests.tiny` and `tests.fakes` make the models they draw with."""
