"""Words to chunks of tokens with weights; a token is a letter here, and a comma is one too."""

from __future__ import annotations

import pytest

from sdtoolbox.prompts.layout import lay_out
from sdtoolbox.prompts.plan import plan


def letters(text: str) -> tuple[list[int], tuple[int, ...]]:
    return [ord(letter) for letter in text if not letter.isspace()], ()


def laid(text: str, size: int = 6) -> list[str]:
    """Chunks as text, each token that weighs double with a star behind it."""
    chunks = lay_out(plan(text, 1)[0].at(0), letters, size, ord(","))
    return [
        "".join(chr(token) + ("*" if weight == 2 else "") for token, weight in zip(c.tokens, c.weights, strict=True))
        for c in chunks
    ]


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("", [""]),
        ("abc", ["abc"]),
        ("a(b:2)c", ["ab*c"]),
        ("abc,de(fgh:2)i", ["abc,", "def*g*h*i"]),
        ("a BREAK b", ["a", "b"]),
        ("(a BREAK b:2) c", ["a*", "b*c"]),
        ("BREAK a BREAK BREAK b BREAK", ["", "a", "", "b"]),
        ("abcdefgh BREAK i", ["abcdef", "gh", "i"]),
    ],
)
def test_chunks_with_their_weights(text: str, chunks: list[str]) -> None:
    assert laid(text) == chunks


def test_what_belongs_together_is_not_parted() -> None:
    def pairs(text: str) -> tuple[list[int], set[int]]:
        found, _ = letters(text)
        return found, set(range(1, len(found), 2))

    chunks = lay_out(plan("abcd(efgh:2)", 1)[0].at(0), pairs, 5, None)
    assert [len(chunk.tokens) for chunk in chunks] == [4, 4]
    assert chunks[1].weights == (2, 2, 2, 2)
