from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.faces.finding import faces_in
from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.faces.yunet import YuNet
from tests.images.faces.test_squares import ASTRONAUT
from tests.onnx_files import write_yunet


def test_the_five_points_of_each_face_make_its_square(tmp_path: Path) -> None:
    other = [(x * 1.5 + 100, y * 1.5 + 200) for x, y in ASTRONAUT]
    detector = YuNet(write_yunet(tmp_path / "face_detection_yunet.onnx", [ASTRONAUT, other]))
    found = faces_in(np.zeros((600, 640, 3), np.uint8), detector)
    for face, points in zip(found, (other, ASTRONAUT), strict=True):
        wanted = Face.of_points(points)
        assert (face.x, face.y, face.side) == pytest.approx((wanted.x, wanted.y, wanted.side), abs=0.01)
        assert face.angle == pytest.approx(wanted.angle, abs=1e-4)


def test_nobody(tmp_path: Path) -> None:
    detector = YuNet(write_yunet(tmp_path / "yunet.onnx", []))
    assert faces_in(np.zeros((1000, 1400, 3), np.uint8), detector) == ()


def test_a_file_that_opencv_cannot_run_is_said(tmp_path: Path) -> None:
    path = tmp_path / "yunet_odd.onnx"
    path.write_bytes(b"no graph at all")
    with pytest.raises(UserError, match=r"cannot run yunet_odd\.onnx") as caught:
        faces_in(np.zeros((64, 64, 3), np.uint8), YuNet(path))
    assert caught.value.code == "MODEL_CORRUPT" and str(tmp_path) not in str(caught.value)
