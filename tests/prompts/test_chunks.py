from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sdtoolbox.prompts.chunks import chunks, framed

COMMA = 0


def test_an_empty_prompt_is_one_empty_chunk() -> None:
    assert chunks([]) == [[]]


def test_a_full_chunk_is_not_followed_by_an_empty_one() -> None:
    assert [len(piece) for piece in chunks([1] * 75)] == [75]
    assert [len(piece) for piece in chunks([1] * 76)] == [75, 1]


def test_a_chunk_ends_after_its_last_comma_if_that_is_near() -> None:
    tokens = [1] * 60 + [COMMA] + [2] * 30
    assert [len(piece) for piece in chunks(tokens, comma=COMMA)] == [61, 30]
    assert [len(piece) for piece in chunks(tokens, comma=COMMA, backtrack=10)] == [75, 16]
    assert [len(piece) for piece in chunks(tokens, comma=None)] == [75, 16]


def test_nothing_is_moved_where_the_rest_fits() -> None:
    assert len(chunks([1] * 60 + [COMMA] + [2] * 14, comma=COMMA)) == 1


def test_what_belongs_together_stays_together() -> None:
    tokens = [1] * 73 + [7, 7, 7] + [2]
    assert [len(piece) for piece in chunks(tokens, inseparable={74, 75})] == [73, 4]
    assert [len(piece) for piece in chunks(tokens)] == [75, 2]
    assert [len(piece) for piece in chunks([7] * 80, inseparable=range(1, 80))] == [75, 5], "unless it is too long"


@given(st.lists(st.integers(0, 3), max_size=400), st.integers(1, 80), st.integers(0, 100))
def test_no_token_is_lost_and_no_chunk_too_long(tokens: list[int], size: int, backtrack: int) -> None:
    pieces = chunks(tokens, size, COMMA, backtrack)
    assert [token for piece in pieces for token in piece] == tokens
    assert all(len(piece) <= size for piece in pieces)
    assert all(pieces) or not tokens


def test_a_framed_chunk_is_start_tokens_end_padding() -> None:
    assert framed([5, 6], 4, start=1, end=2, pad=0) == [1, 5, 6, 2, 0, 0]
    assert framed([5, 6, 7, 8], 4, start=1, end=2, pad=0) == [1, 5, 6, 7, 8, 2]
