"""Changes inside a network, for the time of one call: hooks that are put on before it and always taken off again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from sdtoolbox.changes import Change, FreeU, PerturbedAttention, Seamless
from sdtoolbox.engine.changes.free_u import free_u
from sdtoolbox.engine.changes.perturbed_attention import perturbed_attention
from sdtoolbox.engine.changes.seamless import seamless

HOOKS: Mapping[type[Any], Callable[..., Any]] = {
    FreeU: free_u,
    PerturbedAttention: perturbed_attention,
    Seamless: seamless,
}
"""What each change puts on: `hooks(network, change, mine, taken_off)`; a network that it is not meant for is left."""


@contextmanager
def changed(network: nn.Module, changes: Sequence[Change]) -> Iterator[None]:
    """Within the block calls of `network` from this thread are changed; those of others are not."""
    caller = threading.get_ident()

    def mine() -> bool:
        return threading.get_ident() == caller

    with ExitStack() as taken_off:
        for change in changes:
            HOOKS[type(change)](network, change, mine, taken_off)
        yield
