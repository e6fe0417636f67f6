"""Extensions are switched while jobs wait: what lacks one says so, and is drawn once it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox

SAMPLER = '''
def walk(denoise, x, sigmas, *, noise, on_step):
    """Straight to the end."""
    x = denoise(x, sigmas[0])
    on_step(0, x, x)
    return x


def register(ext):
    ext.sampler(walk, label="Walk")
'''


def test_a_job_whose_sampler_went_away_fails_in_words_and_is_drawn_when_it_is_back(
    tmp_path: Path, tiny_models: Path
) -> None:
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "woods.py").write_text(SAMPLER)
    settings = Settings(home=tmp_path, model_folders=(tiny_models,), extension_patience=60)
    with Toolbox.open(settings) as toolbox:
        values = {"prompt": "a walk", "sampler": "Walk", "steps": 2, "width": 64, "height": 64, "seed": 3}
        request = toolbox.resolve(toolbox.parse("txt2img", values | {"checkpoint": "tiny"}))
        worker = toolbox._inline_worker()
        job_id = toolbox.queue.submit(request, reserved_for=worker.id)
        toolbox.switch_extension("woods", on=False)
        assert worker.start().result(120) == "failed"
        with pytest.raises(UserError) as caught:
            toolbox.result(job_id)
        assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "sampler")
        assert "part of the extension woods, which is off" in caught.value.message
        assert "Switch it on" in caught.value.hint
        with pytest.raises(UserError, match="extension woods"):
            toolbox.submit(request)

        toolbox.switch_extension("woods", on=True)
        job = toolbox.job(job_id)
        again = toolbox.run_request(toolbox.parse(job.task, job.request), inline=True)
        assert "Sampler: Walk" in again.parameters
