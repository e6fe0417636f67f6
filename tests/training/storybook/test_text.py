from pathlib import Path

import pytest
import torch
from transformers import CLIPTokenizer

from sdtoolbox.training.storybook import text
from sdtoolbox.training.storybook.text import Reader, build, captions, encoder_from, token_ids, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(captions(400), folder)
    return text.load_tokenizer(folder)


def test_words_of_captions_are_single_tokens_and_come_back(tokenizer: CLIPTokenizer) -> None:
    sentence = "a big red house in a meadow"
    ids = tokenizer(sentence).input_ids
    assert len(ids) == 2 + 7
    assert tokenizer.decode(ids, skip_special_tokens=True) == sentence


@pytest.mark.parametrize("sentence", ["Zebra über Ärmel", "雪", "7 houses!", ""])
def test_other_words_come_back_in_lower_case(tokenizer: CLIPTokenizer, sentence: str) -> None:
    ids = tokenizer(sentence).input_ids
    assert tokenizer.unk_token_id not in ids[1:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == sentence.lower().replace(" ", "")


def test_it_pads_to_77_with_end_tokens_as_clip_does(tokenizer: CLIPTokenizer) -> None:
    ids = token_ids(tokenizer, ["a cat", "a cat " * 60])
    assert ids.shape == (2, 77)
    assert ids[:, 0].eq(tokenizer.bos_token_id).all()
    assert ids[0, 4:].eq(tokenizer.eos_token_id).all()
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == len(tokenizer) - 1
    assert tokenizer.model_max_length == 77


def test_the_pair_of_files_says_the_same_as_the_fast_one(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    folder = Path(tokenizer.name_or_path)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    pair = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    sentence = "a yellow balloon at sunset, on the left"
    assert pair(sentence).input_ids == tokenizer(sentence).input_ids


def test_the_encoder_comes_back_out_of_a_reader(tokenizer: CLIPTokenizer) -> None:
    reader = Reader(build(tokenizer, width=16, layers=1)).eval()
    encoder = encoder_from(reader.state_dict(), tokenizer)
    ids = token_ids(tokenizer, ["a red house", "a blue cat on the left"])
    assert torch.equal(encoder(input_ids=ids).last_hidden_state, reader.encoder(input_ids=ids).last_hidden_state)
    ends = ids.eq(tokenizer.eos_token_id).int().argmax(1)
    output = encoder(input_ids=ids)
    assert torch.equal(output.pooler_output, output.last_hidden_state[torch.arange(2), ends])
