from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.onnx import YUNET, outputs_of
from tests.onnx_files import field, write_yunet


def test_a_detector_is_known_by_what_it_gives_whatever_it_is_called(tmp_path: Path) -> None:
    write_yunet(tmp_path / "face" / "face_detection_yunet_2023mar.onnx", [])
    write_yunet(tmp_path / "face" / "my-YuNet.ONNX", [])
    catalog = Catalog([tmp_path])
    found = {entry.name: (entry.kind, entry.variant, entry.state) for entry in catalog}
    assert found == dict.fromkeys(("face_detection_yunet_2023mar", "my-YuNet"), ("detector", "yunet", "ready"))
    assert {entry.name for entry in catalog.ready("detector")} == set(found)
    assert catalog.find("face_detection_yunet_2023mar.onnx", "detector").size > 0


def test_other_onnx_files_are_not_listed_and_other_yunets_say_why(tmp_path: Path) -> None:
    older = field(7, b"".join(field(12, field(1, name)) for name in ("loc", "conf", "iou")))
    (tmp_path / "face_detection_yunet_2021dec.onnx").write_bytes(older)
    (tmp_path / "u2net.onnx").write_bytes(older)
    (entry,) = Catalog([tmp_path])
    assert (entry.name, entry.state) == ("face_detection_yunet_2021dec", "unsupported")
    assert "no YuNet of 2023 or later" in entry.reason


@pytest.mark.parametrize(
    "data", [b"", b"\x3a", b"\x3a\xff\xff\xff\x7f", b"\xff" * 40, b"<html>not found</html>", b"\x03"]
)
def test_what_is_no_onnx_file_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(data)
    (entry,) = Catalog([tmp_path])
    assert entry.state in ("broken", "unsupported") and entry.reason


def test_outputs_are_read_beside_fields_of_every_type() -> None:
    other = field(3, 300) + b"\x21" + bytes(8) + b"\x2d" + bytes(4)  # a number, eight bytes, four bytes
    graph = other + field(12, other + field(1, "cls_8")) + field(11, field(1, "input")) + field(12, field(1, "obj_8"))
    assert outputs_of(other + field(7, graph) + field(2, "pytorch")) == {"cls_8", "obj_8"}
    assert len(YUNET) == 12
