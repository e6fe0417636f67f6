"""Extensions: what they may add, how they are found, tried, kept apart and switched off.

An extension is a Python file `<name>.py`, a folder `<name>/__init__.py` or an installed package with an entry point in
the group `sdtoolbox`; it has one function `register(ext)`. The built-in samplers, schedules and tasks register through
the very same calls.
"""

from sdtoolbox.extensions.extension import Extension as Extension
from sdtoolbox.extensions.registries import Registries as Registries
