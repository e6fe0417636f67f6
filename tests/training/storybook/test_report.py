from sdtoolbox.training.storybook.report import interleave


def test_what_was_dealt_out_comes_together_in_order() -> None:
    sentences = list(range(5))
    hands = [[(s, seed) for s in sentences[rank::2] for seed in (1, 2)] for rank in range(2)]
    assert interleave(hands, 2) == [(s, seed) for s in sentences for seed in (1, 2)]
