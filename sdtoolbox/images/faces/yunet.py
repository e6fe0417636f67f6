"""YuNet: finds faces, turned ones too, with their eyes, nose and mouth, by a small network that OpenCV runs.

Wu, Peng and Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector". Its file is one that people bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdtoolbox.errors import UserError
from sdtoolbox.images.faces.finding import SEEN
from sdtoolbox.images.faces.squares import Face

SURE = 0.7
"""The least confidence of a face."""
OVERLAP = 0.3
MOST = 5000
POINTS = slice(4, 14)
"""Where the five points stand in a row of an answer, behind the box."""


@dataclass(frozen=True, slots=True)
class YuNet:
    """A `finding.Detector` by an ONNX file of YuNet, in the edition of 2023 or a later one."""

    path: Path

    def __call__(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """MODEL_CORRUPT if this OpenCV cannot run the file."""
        import cv2

        # The older files take pictures of this size only, and newer OpenCVs take them at their word.
        square = np.zeros((SEEN, SEEN, 3), np.uint8)
        square[: pixels.shape[0], : pixels.shape[1]] = pixels[..., ::-1]
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # newer ones warn at every call
        try:
            network = cv2.FaceDetectorYN.create(str(self.path), "", (SEEN, SEEN), SURE, OVERLAP, MOST)
            rows = network.detect(square)[1]
        except cv2.error as error:
            said = f"OpenCV {cv2.__version__} cannot run {self.path.name} ({error.func or 'unknown'})."
            hint = "Get it again, or another edition; without one, faces that look straight ahead are found too."
            raise UserError("MODEL_CORRUPT", said, hint, "stages") from None
        finally:
            cv2.utils.logging.setLogLevel(level)
        whole = (row for row in (() if rows is None else rows) if np.isfinite(row).all() and np.ptp(row[POINTS]) > 0)
        return [Face.of_points(row[POINTS].reshape(5, 2)) for row in whole]
