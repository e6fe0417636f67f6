from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch

from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.text import TextReader


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

    assert TextReader(Padding(), parts.text_encoder)._framed([5]) == [529, 5, 530, *[0] * 74]
