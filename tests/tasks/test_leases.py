"""One model at a time; what does not fit a later one is left out, with a word about it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
import torch

from sdtoolbox.changes import Seamless
from sdtoolbox.errors import UserError
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.tasks.leases import Loan, Seat, Wanted
from tests.fakes import FakeContext, GaussianModel


def test_taking_one_gives_the_other_back_and_asking_again_does_not_lease_again() -> None:
    ctx = FakeContext({"a": GaussianModel(), "b": GaussianModel()})
    x = torch.zeros(1, 4, 2, 2)
    with Seat(ctx) as seat:
        a, b = Loan(seat, Wanted("a")), Loan(seat, Wanted("b"))
        assert ctx.leased == []
        a.predict(x, 1.0, [0.0])
        first = seat.take(Wanted("a"))
        a.changed(Seamless()).predict(x, 1.0, [0.0])
        assert (ctx.leased, seat.take(Wanted("a"))) == (["a"], first)
        b.encode("words")
        assert ctx.leased == ["b"]
        a.decode(x, 16, 16)
        assert ctx.leased == ["a"]
    assert ctx.leased == []


def test_what_a_model_told_is_kept_when_it_is_given_back() -> None:
    models = {"a": GaussianModel(), "b": GaussianModel()}
    models["a"].environment, models["a"].warnings = {"name": "a"}, ["a warns"]
    ctx = FakeContext(models)
    with Seat(ctx) as seat:
        a, b = Loan(seat, Wanted("a")), Loan(seat, Wanted("b"))
        assert a.checkpoint.name == b.checkpoint.name
        assert (a.environment, a.warnings) == ({"name": "a"}, ["a warns"])
        assert ctx.leased == ["b"]


@pytest.mark.parametrize(
    ("code", "field", "wanted", "kept"),
    [
        ("LORA_INCOMPATIBLE", "adapters", Wanted("a", (Adapter(adapter="x"),), "v"), ((), "v")),
        ("MODEL_TYPE", "vae", Wanted("a", (), "v"), ((), None)),
    ],
)
def test_a_lenient_loan_goes_without_what_does_not_fit(code: str, field: str, wanted: Any, kept: Any) -> None:
    asked: list[Any] = []

    class Picky(FakeContext):
        @contextmanager
        def lease(self, checkpoint: str, adapters: Any = (), vae: str | None = None) -> Any:
            asked.append((adapters, vae))
            if (adapters, vae) != kept:
                raise UserError(code, "x does not fit.", "", field)
            yield GaussianModel()

    ctx = Picky({})
    with Seat(ctx) as seat, pytest.raises(UserError, match="does not fit"):
        seat.take(wanted)
    with Seat(ctx) as seat:
        seat.take(Wanted(wanted.checkpoint, wanted.adapters, wanted.vae, lenient=True))
    assert asked[-1] == kept
    assert ctx.warnings == ["left out: x does not fit."]


def test_an_error_gives_the_model_back() -> None:
    ctx = FakeContext({"a": GaussianModel()})

    def fails() -> None:
        with Seat(ctx) as seat:
            seat.take(Wanted("a"))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert ctx.leased == []
