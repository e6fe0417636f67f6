"""Errors travel as JSON and come back the same."""

from __future__ import annotations

from sdtoolbox.errors import CODES, InvalidRequest, UserError


def test_an_error_comes_back_as_it_went() -> None:
    error = UserError("NUMERIC", "the network gave NaN.", "Lower the guidance scale.", "guidance_scale")
    again = UserError.from_dict(error.as_dict())
    assert again.as_dict() == error.as_dict()
    assert str(again) == "the network gave NaN. Lower the guidance scale."


def test_an_invalid_request_speaks_for_its_first_field_and_lists_all() -> None:
    error = InvalidRequest([UserError("PARAM_INVALID", f"{name} is wrong.", "", name) for name in ("width", "steps")])
    assert (error.field, error.code) == ("width", "PARAM_INVALID")
    assert [p["field"] for p in error.as_dict()["problems"]] == ["width", "steps"]


def test_codes_are_unique() -> None:
    assert len(CODES) == len(set(CODES))


def test_errors_travel_between_processes() -> None:
    import pickle

    one = UserError("NUMERIC", "no.", "Try again.", "steps")
    assert pickle.loads(pickle.dumps(one)).as_dict() == one.as_dict()
    several = InvalidRequest([one, UserError("PARAM_INVALID", "width 0 is out of range.", "", "width")])
    assert pickle.loads(pickle.dumps(several)).as_dict() == several.as_dict()
