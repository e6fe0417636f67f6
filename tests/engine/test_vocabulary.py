from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from sdtoolbox.engine.vocabulary import clip_tokenizer
from sdtoolbox.prompts import vocabulary
from sdtoolbox.prompts.vocabulary import clip_tokens, clip_vocabulary, tokens_in
from tests.tiny import write_tokenizer


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
        "print(sorted({'open_clip', 'timm', 'ftfy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"[]"


@pytest.mark.parametrize(
    "text", ["", "A (Red:1.2) house,  it's 12 o'clock!", "房子 é É ﬁ", "x" * 200, "<|endoftext|> a"]
)
def test_the_counter_without_transformers_finds_the_same_tokens(text: str, tmp_path: Path) -> None:
    assert clip_tokens()(text) == clip_tokenizer()(text, add_special_tokens=False).input_ids
    write_tokenizer(tmp_path)
    theirs = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    expected = theirs(text, add_special_tokens=False).input_ids
    assert tokens_in(tmp_path)(text) == expected
    theirs.save_pretrained(tmp_path / "whole")
    assert tokens_in(tmp_path / "whole")(text) == expected
