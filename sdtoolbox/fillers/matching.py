"""For each patch of a picture that reaches into a hole, a similar one that does not: PatchMatch (Barnes et al. 2009).

Good matches are handed on to neighbours, and better ones are looked for at random around those that there are. All
patches are tried at once, and compared by their main components.
"""

from __future__ import annotations

import numpy as np

from sdtoolbox.images.masks import distance

HALF = 3
SIDE = 2 * HALF + 1
"""Pixels along a side of a patch."""
COMPONENTS = 12
SAMPLE = 4000
"""Patches from which the main components are learnt."""
HANDED_ON = (8, 4, 2, 1)
"""From how many pixels away a neighbour's match is tried."""
NEARNESS = 1.3
"""So many times more counts a patch a pixel nearer to what is known (Wexler, Shechtman & Irani 2007, section 3.2)."""
FARTHEST = 64
"""From here on all count the same: next to nothing, but not nothing."""
ALIKE = 75
"""The percentile of all differences at which a match counts markedly less."""
LEAST_LIKE = 10
"""Where that ends, as an exponent: the best of bad matches still counts."""
NOWHERE = -1


class Matching:
    """The matches at one scale of a picture: `known`, float32 [H, W, 3], with a hole, bool [H, W].

    Places are counted along the rows: y * W + x is that of the middle of a patch. No patch sticks out of the picture,
    so arithmetic that runs over the end of a row finds nothing there.
    """

    def __init__(self, known: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> None:
        import cv2

        self.known, self._hole, self._random = known, hole, random
        height, self._width = hole.shape
        touching = cv2.dilate(hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8)) > 0
        inside = np.zeros(hole.shape, bool)
        inside[HALF : height - HALF, HALF : self._width - HALF] = True
        self._whole = (inside & ~touching).ravel()
        self._targets = np.flatnonzero(inside & touching)
        self._weights = NEARNESS ** -np.minimum(distance(~hole), FARTHEST).ravel()
        self.places = np.full(hole.size, NOWHERE)
        self._differences = np.zeros(hole.size, np.float32)

    @property
    def possible(self) -> bool:
        """Whether there is any patch to take from, and one to fill."""
        return bool(self._whole.any()) and len(self._targets) > 0

    def start(self, coarser: Matching | None) -> None:
        """Begin with the matches at half the size, at random where there are none."""
        places = self._random.choice(np.flatnonzero(self._whole), len(self._targets))
        if coarser is not None:
            theirs, shift = coarser.looked_up(*np.divmod(self._targets, self._width))
            rows, columns = np.divmod(theirs, coarser._width)
            taken = (rows * 2 + shift[0]) * self._width + columns * 2 + shift[1]
            taken = np.where(theirs == NOWHERE, 0, taken) % len(self._whole)
            places = np.where(self._whole[taken], taken, places)
        self.places[self._targets] = places

    def looked_up(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """The matches of places counted at double size, and how far those are from the double of ours."""
        height = self._hole.shape[0]
        own_rows = np.clip(rows // 2, HALF, height - 1 - HALF)
        own_columns = np.clip(columns // 2, HALF, self._width - 1 - HALF)
        return self.places[own_rows * self._width + own_columns], (rows - 2 * own_rows, columns - 2 * own_columns)

    def improve(self, colours: np.ndarray) -> None:
        """Look for better matches, given the colours in the hole as they are now, float32 [H, W, 3]."""
        features = self._features(colours)
        own = features[self._targets]
        best = self.places[self._targets]
        least = _squared(own, features[best])

        def attempt(places: np.ndarray) -> None:
            places = places % len(self._whole)
            at = np.flatnonzero(self._whole[places])
            there = _squared(own[at], features[places[at]])
            better = there < least[at]
            at = at[better]
            best[at], least[at] = places[at], there[better]
            self.places[self._targets] = best

        for far in HANDED_ON:
            for shift in (far, -far, far * self._width, -far * self._width):
                beside = self.places[(self._targets + shift) % len(self._whole)]
                attempt(np.where(beside == NOWHERE, NOWHERE, beside - shift))
        reach = max(self._hole.shape)
        while reach >= 1:
            rows, columns = self._random.integers(-reach, reach + 1, (2, len(best)))
            attempt(best + rows * self._width + columns)
            reach //= 2
        self._differences[self._targets] = least

    def voted(self, stride: int = 1) -> np.ndarray:
        """The colours that the matches give each pixel of the hole: the mean of all patches that hold it.

        With a stride of 3, of every third in each direction: a ninth of the work.
        """
        found, pixels = self.known.copy(), self.known.reshape(-1, 3)
        holes = np.flatnonzero(self._hole)
        usual = float(np.percentile(self._differences[self._targets], ALIKE)) + 1e-6
        weights = self._weights * np.exp(-np.minimum(self._differences / (2 * usual), LEAST_LIKE))
        sums, total = np.zeros((len(holes), 3), np.float32), np.zeros((len(holes), 1), np.float32)
        for rows in range(-HALF, HALF + 1, stride):
            for columns in range(-HALF, HALF + 1, stride):
                shift = rows * self._width + columns
                centres = (holes + shift) % len(self._whole)
                places = self.places[centres]
                counted = np.where(places == NOWHERE, 0, weights[centres])[:, None].astype(np.float32)
                sums += counted * pixels[np.where(places == NOWHERE, 0, places - shift)]
                total += counted
        found.reshape(-1, 3)[holes] = sums / np.maximum(total, 1e-20)
        return found

    def _features(self, colours: np.ndarray) -> np.ndarray:
        """[H * W, COMPONENTS]: what the patch around each pixel is like."""
        import cv2

        planes = [np.ascontiguousarray(colours[..., i]) for i in range(3)]
        filtered = [
            sum(cv2.filter2D(plane, cv2.CV_32F, kernel) for plane, kernel in zip(planes, kernels, strict=True))
            for kernels in self._components()
        ]
        return np.stack(filtered, axis=-1).reshape(-1, len(filtered))

    def _components(self) -> np.ndarray:
        """The main components of the patches that are known: [COMPONENTS, 3, SIDE, SIDE]."""
        if not hasattr(self, "_basis"):
            sources = np.flatnonzero(self._whole)
            some = self._random.choice(sources, min(SAMPLE, len(sources)), replace=False)
            rows, columns = np.divmod(some, self._width)
            windows = np.lib.stride_tricks.sliding_window_view(self.known, (SIDE, SIDE), axis=(0, 1))
            patches = windows[rows - HALF, columns - HALF].reshape(len(some), -1)
            _, vectors = np.linalg.eigh(np.cov(patches, rowvar=False) if len(some) > 1 else np.eye(patches.shape[1]))
            self._basis = vectors[:, -COMPONENTS:].T.reshape(-1, 3, SIDE, SIDE).astype(np.float32)
        return self._basis


def _squared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[n, k], [n, k] -> [n]."""
    difference = one - other
    found: np.ndarray = np.einsum("ij,ij->i", difference, difference)
    return found
