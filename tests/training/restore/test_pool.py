from pathlib import Path

import numpy as np
import pytest
import torch

from sdtoolbox.training.restore import leaves, pool
from sdtoolbox.training.restore.pool import Pool, draw_pool
from sdtoolbox.training.run import Options


def test_an_interrupted_pool_goes_on_and_equals_a_whole_one(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    whole = draw_pool(tmp_path / "whole", 1, 3, 1, print)
    drawn: list[int] = []
    draw = leaves.draw

    def counted(seed: int, number: int) -> leaves.Picture:
        if len(drawn) == 2:
            raise KeyboardInterrupt
        drawn.append(number)
        return draw(seed, number)

    parts = tmp_path / "parts"
    parts.mkdir()
    monkeypatch.setattr(leaves, "draw", counted)
    with pytest.raises(KeyboardInterrupt):
        draw_pool(parts, 1, 3, 1, print)
    drawn.clear()
    finished = draw_pool(parts, 1, 3, 1, print)

    assert drawn == [2]
    assert np.array_equal(np.load(finished), np.load(whole))
    assert [path.name for path in parts.iterdir()] == [pool.FILE]


def test_a_finished_pool_of_another_number_is_refused(options: Options) -> None:
    with pytest.raises(ValueError, match="holds another number of pictures than 5"):
        draw_pool(options.folder, 0, 5, 1, print)


def test_patches_are_cut_from_what_is_not_held_out(options: Options) -> None:
    found = Pool(options.folder)
    patches = found.patches(6, 32, options.generator("test", 0))
    assert patches.shape == (6, 3, 32, 32)
    assert torch.equal(patches, found.patches(6, 32, options.generator("test", 0)))
    colours = {tuple(pixel) for pixel in found.pictures[:-1].reshape(-1, 3).tolist()}
    cut = (patches * 255.0).round().int().permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    assert all(tuple(pixel) in colours for pixel in cut)
    middle = found.held_out(32)
    assert torch.equal(middle[0, :, 0, 0] * 255.0, torch.from_numpy(found.pictures[-1, 88, 88].astype(np.float32)))


def test_a_folder_without_pictures_says_which_stage_draws_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the stage 'leaves' first"):
        Pool(tmp_path)
