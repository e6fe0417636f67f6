"""One object for everything; it draws with a server or without, and never imports torch itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sdtoolbox
from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.schema.results import Event
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.workers import fake_engine
from tests.workers.test_process import until

Submit = Callable[..., str]
ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "diffusers", "transformers", "gradio", "fastapi", "starlette", "uvicorn"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", fake_engine.NAME)
    return fake_engine.fake_settings(tmp_path)


@pytest.fixture
def toolbox(settings: Settings) -> Iterator[Toolbox]:
    with Toolbox.open(settings) as opened:
        yield opened


@pytest.fixture
def submit(toolbox: Toolbox) -> Callable[..., str]:
    return lambda prompt="", **values: toolbox.submit(
        toolbox.parse("txt2img", {"prompt": prompt, "checkpoint": "fake"} | values)
    )


def opened_in_a_program(settings: Settings) -> str:
    """The first lines of a program that opens the same toolbox."""
    values = f"home={str(settings.home)!r}, model_folders=({str(settings.model_folders[0])!r},), safe_mode=True"
    return f"from sdtoolbox.toolbox import Toolbox\nwith Toolbox.open({values}) as toolbox:\n"


@pytest.mark.parametrize(
    "module",
    [
        "toolbox",
        "jobs.queue",
        "jobs.recovery",
        "tasks.resolve",
        "cli",
        "replay",
        "workers.process",
        "workers.supervisor",
    ],
)
def test_importing_it_imports_nothing_heavy(module: str) -> None:
    code = f"import sdtoolbox.{module}, sys, json; print(json.dumps([name for name in sys.modules]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert HEAVY & set(json.loads(run.stdout)) == set()


def test_a_server_that_works_imports_no_torch(settings: Settings) -> None:
    """Open, start workers, submit, watch to the end: torch is the workers' business."""
    code = (
        "import json, sys\n" + opened_in_a_program(settings) + "    toolbox.start_workers()\n"
        "    result = toolbox.run('txt2img', checkpoint='fake', seed=3)\n"
        "print(json.dumps([result.environment['device'], list(sys.modules)]))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    device, modules = json.loads(run.stdout)
    assert device == "fake" and HEAVY & set(modules) == set()


def test_run_draws_here_when_there_is_no_server(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt="a tree", checkpoint="fake", seed=3, batch_size=2)
    assert [picture.seed for picture in result.pictures] == [3, 4]
    assert toolbox.picture_path(result.pictures[0].id).is_file()
    assert toolbox.job(result.job_id).state == "done" and toolbox.result(result.job_id) == result


def test_run_lets_a_live_worker_draw(toolbox: Toolbox) -> None:
    toolbox.start_workers()  # at once: a starting worker is worth waiting for, torch must not come in here
    heard: list[Event] = []
    request = toolbox.parse("txt2img", {"checkpoint": "fake", "seed": 3})
    result = toolbox.run_request(request, on_event=heard.append)
    assert heard[-1].state == "done" and toolbox._inline is None
    assert toolbox.start_workers() is toolbox.start_workers()
    inline = toolbox.run_request(request, inline=True)
    assert toolbox._inline is not None
    assert [picture.id for picture in inline.pictures] == [picture.id for picture in result.pictures]


def test_workers_can_be_stopped_and_started_again(toolbox: Toolbox) -> None:
    toolbox.start_workers().stop()
    assert toolbox.run("txt2img", checkpoint="fake", seed=3).pictures and toolbox._inline is not None
    toolbox.start_workers()
    until(toolbox.live_workers)
    assert toolbox.run("txt2img", checkpoint="fake", seed=3).pictures


def test_run_raises_the_error_of_the_job(toolbox: Toolbox) -> None:
    with pytest.raises(UserError, match="came out as nothing") as caught:
        toolbox.run("txt2img", prompt="error", checkpoint="fake")
    assert (caught.value.code, caught.value.field) == ("NUMERIC", "seed")


def test_what_is_refused_is_not_queued(toolbox: Toolbox) -> None:
    for wrong in ({"steps": 1.5}, {"width": 0}, {"seed": 2**64}, {"guidance_scale": float("nan")}):
        with pytest.raises(InvalidRequest) as caught:
            toolbox.run("txt2img", checkpoint="fake", **wrong)  # type: ignore[arg-type]
        assert caught.value.field in wrong
    for wrong in ({"sampler": "no such"}, {"schedule": "no such"}, {"checkpoint": "no such"}):
        with pytest.raises(UserError) as refused:
            toolbox.run("txt2img", **({"checkpoint": "fake"} | wrong))
        assert refused.value.field in wrong
    with pytest.raises(UserError, match="there is no task"):
        toolbox.run("no such")
    assert toolbox.jobs() == []


def test_a_checkpoint_that_came_meanwhile_is_found(toolbox: Toolbox, tmp_path: Path) -> None:
    path = fake_engine.write_checkpoint(tmp_path / "home" / "models")
    (path / "sdtoolbox.json").write_text('{"name": "new", "defaults": {"width": 16, "height": 16, "steps": 2}}')
    assert toolbox.run("txt2img", checkpoint="new").request["steps"] == 2


def test_results_of_jobs_that_have_none(toolbox: Toolbox, submit: Submit) -> None:
    job_id = submit()
    with pytest.raises(UserError, match="job 1 has no result yet: it is queued"):
        toolbox.result(job_id)
    assert toolbox.cancel(job_id) and not toolbox.cancel(job_id)
    with pytest.raises(UserError, match="job 1 was cancelled") as caught:
        toolbox.result(job_id)
    assert caught.value.code == "CANCELLED"
    submit(), submit()
    assert toolbox.cancel_all() == 2
    assert toolbox.jobs(["queued"]) == []


def test_watching_in_an_event_loop(toolbox: Toolbox, submit: Submit) -> None:
    toolbox.start_workers()
    job_id = submit("slow", steps=30)

    async def watch() -> list[Event]:
        return [event async for event in toolbox.awatch(job_id)]

    events = asyncio.run(watch())
    assert events[-1].state == "done" and events[-1].finished
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert any(event.has_preview for event in events) and any(event.eta_seconds for event in events)


def test_an_exception_while_watching_cancels_the_job(toolbox: Toolbox) -> None:
    def stop(event: Event) -> None:
        if event.stage == "sampling":
            raise KeyboardInterrupt

    request = toolbox.parse("txt2img", {"prompt": "slow", "steps": 1000, "checkpoint": "fake"})
    with pytest.raises(KeyboardInterrupt):
        toolbox.run_request(request, on_event=stop)
    assert toolbox.jobs()[0].state == "cancelled"


def test_ctrl_c_cancels_an_inline_job(settings: Settings) -> None:
    # A shell starts what it puts into the background with Ctrl+C switched off, and that is inherited.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + opened_in_a_program(settings)
        + "    request = toolbox.parse('txt2img', {'prompt': 'slow', 'steps': 1000, 'checkpoint': 'fake'})\n"
        "    toolbox.run_request(request, on_event=lambda event: print(event.stage, flush=True))\n"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        while process.stdout.readline().strip() != "sampling":
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        process.wait(10)
        assert "KeyboardInterrupt" in process.stderr.read()
    with Toolbox.open(settings) as after:
        assert [job.state for job in after.jobs()] == ["cancelled"]


def test_opening_settles_what_a_dead_program_left(settings: Settings, toolbox: Toolbox, submit: Submit) -> None:
    job_id = submit()
    toolbox.queue.claim("worker/nowhere/1")  # a worker that never was, on a machine that is not here
    with Toolbox.open(settings) as opened:
        assert opened.job(job_id).state == "queued"


def test_the_package_offers_it() -> None:
    assert sdtoolbox.Toolbox is Toolbox
