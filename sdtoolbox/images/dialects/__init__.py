"""What pictures of other programs say, one file a dialect; a reader answers None where a picture is not of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sdtoolbox.images.dialects import a1111, comfyui, fooocus, invokeai, novelai
from sdtoolbox.images.dialects.said import Said

Reader = Callable[[Mapping[str, str]], Said | None]

# The first that answers is believed: those that know their own pictures by a sure sign come before the one that
# takes any text.
READERS: tuple[Reader, ...] = (invokeai.read, fooocus.read, novelai.read, a1111.read, comfyui.read)


def read(texts: Mapping[str, str]) -> Said | None:
    """What these texts of a picture say, by the name under which they stood in the file; None if nobody knows them."""
    return next((said for reader in READERS if (said := reader(texts)) is not None), None)
