from __future__ import annotations

import copy
from typing import Any

import diffusers
import pytest
import torch

from sdtoolbox.engine.clip import ClipEncoder
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.text import TextReader
from sdtoolbox.errors import UserError
from sdtoolbox.prompts.plan import Span, plain, plan
from tests.engine.test_single_file import entry_of
from tests.tiny import write_checkpoint


@pytest.fixture(scope="module")
def pipeline(tiny_model: LatentDiffusion) -> Any:
    return pipeline_of(tiny_model)


def pipeline_of(model: LatentDiffusion) -> Any:
    """diffusers' own pipeline over the same components."""
    parts = model._components
    scheduler = diffusers.DDIMScheduler.from_config(dict(parts.scheduler))
    return diffusers.StableDiffusionPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.mark.parametrize("prompt", ["", "a red house", "A big RED house, in the snow!", "房子", "x " * 75])
def test_one_chunk_reads_exactly_as_diffusers_does(prompt: str, tiny_model: LatentDiffusion, pipeline: Any) -> None:
    theirs, _ = pipeline.encode_prompt(prompt, "cpu", 1, do_classifier_free_guidance=False)
    ours = tiny_model.encode(prompt).chunks
    assert ours.shape == (1, 77, 32)
    assert torch.equal(ours, theirs)


def test_ten_thousand_characters_are_read_to_the_end(tiny_model: LatentDiffusion) -> None:
    long = "a red house, " * 770
    reading, other = tiny_model.encode(long), tiny_model.encode(long + "tree")
    assert reading.chunks.shape == (len(reading.chunks), 77, 32)
    assert len(reading.chunks) > 30
    assert torch.equal(reading.chunks[:-1], other.chunks[: len(reading.chunks) - 1])
    assert not torch.equal(reading.chunks[-1], other.chunks[len(reading.chunks) - 1])
    single = tiny_model.encode("a red house, " * 18).chunks  # the comma ends the first chunk after 18 phrases
    torch.testing.assert_close(reading.chunks[0], single[0], rtol=0, atol=1e-5)


def test_shorter_readings_are_filled_up_with_empty_chunks(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    long, short = tiny_model.encode("tree " * 100), tiny_model.encode("")
    count = len(long.chunks)
    context = reader.context([long, short], images=3)
    assert context.shape == (6, 77 * count, 32)
    assert torch.equal(context[0], context[2])
    assert torch.equal(context[3], short.chunks[0].repeat(count, 1))
    assert torch.equal(context[0].reshape(count, 77, 32), long.chunks)


def test_the_tokenizers_own_padding_is_used(tiny_model: LatentDiffusion) -> None:
    """Stable Diffusion 2 pads with another token than the one that ends a text."""
    parts = tiny_model._components

    class Padding:
        bos_token_id, eos_token_id, pad_token_id = 529, 530, 0

        def __call__(self, text: str, **options: Any) -> Any:
            return parts.tokenizer(text, **options)

    assert ClipEncoder(Padding(), parts.text_encoder)._framed([5]) == [529, 5, 530, *[0] * 74]


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Components:
    """A tiny checkpoint with two text encoders."""
    folder = tmp_path_factory.mktemp("xl") / "tiny"
    write_checkpoint(folder, base="sdxl")
    return load(entry_of(folder, "sdxl"), Device(torch.device("cpu"), 1, "cpu"))


@pytest.mark.parametrize("prompt", ["", "a red house", "!"])
def test_two_encoders_read_as_in_diffusers(prompt: str, sdxl: Components) -> None:
    pipeline = diffusers.StableDiffusionXLPipeline(
        **sdxl.networks,
        tokenizer=sdxl.tokenizers["text_encoder"],
        tokenizer_2=sdxl.tokenizers["text_encoder_2"],
        scheduler=diffusers.DDIMScheduler.from_config(dict(sdxl.scheduler)),
        add_watermarker=False,
    )
    states, _, pooled, _ = pipeline.encode_prompt(prompt, device="cpu", do_classifier_free_guidance=False)
    reading = TextReader.of(sdxl).read(prompt)
    assert reading.chunks.shape == (1, 77, 80)
    assert torch.equal(reading.chunks, states)
    assert reading.pooled is not None
    assert torch.equal(reading.pooled[None], pooled)


def test_the_whole_is_that_of_the_first_chunk(sdxl: Components) -> None:
    reader = TextReader.of(sdxl)
    long, short = reader.read("a red house, " * 40), reader.read("a red house, " * 18)
    assert len(long.chunks) > 2
    assert len(short.chunks) == 1
    assert long.pooled is not None and short.pooled is not None
    torch.testing.assert_close(long.pooled, short.pooled, rtol=0, atol=1e-5)


def vectors(count: int, width: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn((count, width), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("count", [1, 3])
def test_a_word_of_ones_own_reads_as_in_diffusers(count: int, tiny_model: LatentDiffusion) -> None:
    pipeline = copy.deepcopy(pipeline_of(tiny_model))
    # Theirs is a token of its own, with the rest of its vectors as tokens beside it.
    pipeline.load_textual_inversion(vectors(count), token="<mine>")
    theirs, _ = pipeline.encode_prompt("a <mine>, the snow", "cpu", 1, do_classifier_free_guidance=False)
    reader: TextReader = tiny_model._text
    ours = reader.read("a Tree House, the snow", {"tree house": {"text_encoder": vectors(count)}}).chunks
    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-5)
    plain = reader.read("a tree house, the snow").chunks
    assert not torch.allclose(ours, plain, atol=1e-2)
    assert torch.equal(reader.read("a tree house, the snow", {}).chunks, plain), "nothing is left behind"


def test_words_are_found_whole_and_the_longest_first(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    one, two = {"text_encoder": vectors(1)}, {"text_encoder": vectors(2, seed=1)}
    within = reader.read("houses", {"house": one}).chunks
    assert torch.equal(within, reader.read("houses").chunks)
    longest = reader.read("red house", {"red": one, "red house": two}).chunks
    assert torch.equal(longest, reader.read("red house", {"red house": two}).chunks)
    assert not torch.equal(longest, reader.read("red house", {"red": one}).chunks)
    both = reader.read("red house", {"red": one, "house": two}).chunks
    assert not torch.allclose(both, longest, atol=1e-3)


def test_the_vectors_of_a_word_stay_in_one_chunk(tiny_model: LatentDiffusion) -> None:
    encoder: ClipEncoder = tiny_model._text._encoders["text_encoder"]
    text = "snow " * 73 + "house"
    assert len(encoder.read(plain(text), {"house": vectors(2)}).states) == 1
    assert len(encoder.read(plain(text), {"house": vectors(3)}).states) == 2
    alone = encoder.read(plain("house"), {"house": vectors(3)}).states
    torch.testing.assert_close(encoder.read(plain(text), {"house": vectors(3)}).states[1], alone[0], rtol=0, atol=1e-5)
    assert len(encoder.read(plain("house"), {"house": vectors(80)}).states) == 2, "more than a chunk holds is cut"


def test_each_encoder_has_its_own_vectors(sdxl: Components) -> None:
    reader = TextReader.of(sdxl)
    plain = reader.read("a tree").chunks
    one = reader.read("a tree", {"tree": {"text_encoder": vectors(90)}}).chunks
    assert one.shape == (3, 77, 80), "the word before, and what a chunk cannot hold"
    assert torch.equal(one[0, :, 32:], plain[0, :, 32:]), "the other encoder reads the word itself"
    assert not torch.allclose(one[0, :, :32], plain[0, :, :32], atol=1e-2)
    both = reader.read("a tree", {"tree": {"text_encoder": vectors(2), "text_encoder_2": vectors(2, 48)}}).chunks
    assert not torch.allclose(both[0, :, 32:], plain[0, :, 32:], atol=1e-2)


def test_vectors_of_another_width_are_refused(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    with pytest.raises(UserError, match="'tree' has vectors of 48 numbers, this model's have 32") as caught:
        reader.read("a tree", {"tree": {"text_encoder": vectors(1, 48)}})
    assert caught.value.code == "LORA_INCOMPATIBLE"


def words(text: str) -> Any:
    return plan(text, 1)[0].at(0)


@pytest.mark.parametrize("mode", ["original", "no norm", "ignore"])
def test_weights_multiply_the_states_token_by_token(mode: Any, tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    bare = reader.read("a red house").chunks
    found = reader.read(words("a (red:1.5) [house]"), emphasis=mode).chunks
    weights = torch.ones(77)
    weights[2], weights[3] = 1.5, 1 / 1.1  # start, a, red, house, end, padding
    expected = bare * weights[None, :, None] if mode != "ignore" else bare
    if mode == "original":
        expected = expected * (bare.mean() / expected.mean())
        torch.testing.assert_close(found.mean(), bare.mean())
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("text", ["a (red:1.0) house", "([a red house])", r"a red house", "a [red:tree:1.0] house"])
def test_what_weighs_nothing_more_reads_as_plain_words_to_the_bit(text: str, tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    if text.startswith("("):
        torch.testing.assert_close(reader.read(words(text)).chunks, reader.read("a red house").chunks)
    else:
        assert torch.equal(reader.read(words(text)).chunks, reader.read("a red house").chunks)


def test_each_chunk_keeps_its_own_mean(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    both = reader.read(words("a (red:2) house BREAK the (snow:0.2)")).chunks
    first, second = reader.read(words("a (red:2) house")).chunks, reader.read(words("the (snow:0.2)")).chunks
    torch.testing.assert_close(both, torch.cat([first, second]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "chunks"), [("a BREAK b", ["a", "b"]), ("BREAK a", ["", "a"]), ("a BREAK", ["a"]), ("BREAK", [""])]
)
def test_a_break_begins_a_chunk(text: str, chunks: list[str], tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    expected = torch.cat([reader.read(chunk).chunks for chunk in chunks])
    torch.testing.assert_close(reader.read(words(text)).chunks, expected, rtol=0, atol=1e-5)


def test_a_word_of_ones_own_weighs_as_its_bracket_says(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    own = {"house": {"text_encoder": vectors(3)}}
    bare = reader.read("a house", own).chunks
    weights = torch.ones(77)
    weights[2:5] = 1.3
    found = reader.read(words("a (house:1.3)"), own, emphasis="no norm").chunks
    torch.testing.assert_close(found, bare * weights[None, :, None])


def test_clip_skip_reads_an_earlier_layer_with_the_final_norm(tiny_model: LatentDiffusion) -> None:
    reader: TextReader = tiny_model._text
    network = tiny_model._components.text_encoder
    ids = torch.tensor(
        [reader._encoders["text_encoder"]._framed(tiny_model._components.tokenizer("a").input_ids[1:-1])]
    )
    with torch.no_grad():
        earlier = network(ids, output_hidden_states=True).hidden_states[-2]
        expected = getattr(network, "text_model", network).final_layer_norm(earlier)
    assert torch.equal(reader.read("a", clip_skip=2).chunks, expected)
    assert torch.equal(reader.read("a", clip_skip=1).chunks, reader.read("a").chunks)
    with pytest.raises(UserError, match="clip_skip 3 leaves nothing: this model's text encoder has 2 layers") as caught:
        reader.read("a", clip_skip=3)
    assert caught.value.field == "clip_skip"


def test_a_family_that_was_trained_on_an_earlier_layer_is_read_there_at_least(sdxl: Components) -> None:
    reader = TextReader.of(sdxl)
    assert torch.equal(reader.read("a tree", clip_skip=1).chunks, reader.read("a tree", clip_skip=2).chunks)


def test_the_whole_of_a_prompt_has_no_weights(sdxl: Components) -> None:
    reader = TextReader.of(sdxl)
    plain_one, weighted = reader.read("a tree"), reader.read(words("a (tree:1.7)"))
    assert plain_one.pooled is not None and weighted.pooled is not None
    assert torch.equal(plain_one.pooled, weighted.pooled)
    assert not torch.equal(plain_one.chunks, weighted.chunks)


def test_the_same_words_are_read_once_and_anew_where_anything_differs(tiny_model: LatentDiffusion) -> None:
    reader = TextReader.of(tiny_model._components)
    own = {"house": {"text_encoder": vectors(1)}}
    once = reader.read("a house", own)
    assert reader.read(((Span("a house"),),), own) is once
    for other in (
        reader.read("a house"),
        reader.read("a house", {"house": {"text_encoder": vectors(1)}}),
        reader.read("a house", own, negative=True),
        reader.read("a house", own, clip_skip=2),
        reader.read("a house", own, emphasis="no norm"),
    ):
        assert other is not once
    for number in range(200):
        reader.read(f"a house {number}")
    assert len(reader._known) <= 128
