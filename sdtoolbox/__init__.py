"""sdtoolbox: a Stable Diffusion toolbox with one durable queue behind browser, API, command line and Python.

>>> from sdtoolbox import Toolbox
>>> with Toolbox.open() as toolbox:
...     result = toolbox.run("txt2img", prompt="a big red house in a meadow", seed=1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox as Toolbox

__version__ = "0.1.0"
__all__ = ["Toolbox", "__version__"]


def __getattr__(name: str) -> Any:
    # PEP 562: `import sdtoolbox` stays free of pydantic, sqlite and all else until somebody draws.
    if name == "Toolbox":
        from sdtoolbox.toolbox import Toolbox

        return Toolbox
    raise AttributeError(f"module 'sdtoolbox' has no attribute {name!r}")
