from __future__ import annotations

import subprocess
import sys

import pytest

from sdtoolbox.engine import vocabulary
from sdtoolbox.engine.vocabulary import clip_tokenizer, clip_vocabulary


def test_the_vocabulary_is_clips() -> None:
    words, merges = clip_vocabulary()
    assert len(words) == vocabulary.SIZE == 49408
    assert len(merges) == 48894
    assert sorted(words.values()) == list(range(49408))
    # As in the vocabulary that OpenAI published for CLIP ViT-L/14.
    known = {"!": 0, "a</w>": 320, "cat</w>": 2368, "photo</w>": 1125, "<|startoftext|>": 49406, "<|endoftext|>": 49407}
    assert {word: words[word] for word in known} == known
    assert merges[:2] == [("i", "n"), ("t", "h")]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("A  PHOTO\nof a Cat", [320, 1125, 539, 320, 2368]),
        ("a diagram", [320, 22697]),
        ("it's!", [585, 568, 256]),
    ],
)
def test_texts_have_the_tokens_that_clip_was_trained_on(text: str, tokens: list[int]) -> None:
    assert clip_tokenizer()(text).input_ids == [49406, *tokens, 49407]


def test_both_ways_of_padding() -> None:
    assert clip_tokenizer().pad_token_id == 49407
    assert clip_tokenizer("!").pad_token_id == 0
    assert clip_tokenizer().model_max_length == 77


def test_the_package_that_carries_it_is_not_imported() -> None:
    code = (
        "import sys; from sdtoolbox.engine.vocabulary import clip_tokenizer; clip_tokenizer();"
        "assert not {'open_clip', 'timm', 'ftfy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
