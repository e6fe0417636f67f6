"""What the weight of a word does to an encoder's states."""

from __future__ import annotations

from torch import Tensor

from sdtoolbox.schema.fields import EmphasisMode


def emphasised(states: Tensor, weights: Tensor | None, mode: EmphasisMode) -> Tensor:
    """States [chunks, 77, D], each token's multiplied by its weight [chunks, 77]; None leaves them as they are.

    "original" then scales each chunk so that the mean of its numbers is what it was before; "no norm" does not. Both
    are those of A1111's web UI. What all weights are 1 in is not touched, to the bit.
    """
    if weights is None or mode == "ignore":
        return states
    weighted = states * weights[:, :, None]
    if mode == "no norm":
        return weighted
    before, after = states.mean((1, 2), keepdim=True), weighted.mean((1, 2), keepdim=True)  # [chunks, 1, 1]
    restored = weighted * (before / after)
    # A mean of zero cannot be restored: that chunk stays as it is.
    return restored.where(after != 0, weighted)
