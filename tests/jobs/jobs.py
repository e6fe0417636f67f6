"""What the tests of the queue say again and again."""

from __future__ import annotations

from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.schema.results import Result
from sdtoolbox.schema.txt2img import Txt2Img


def submit(queue: Queue, count: int = 1, **values: object) -> list[str]:
    """So many new jobs."""
    return [queue.submit(Txt2Img(seed=seed), **values) for seed in range(count)]  # type: ignore[arg-type]


def worker(queue: Queue, kind: str = "worker") -> str:
    """A registered worker of this process, alive until it leaves."""
    worker_id = new_worker_id(kind)  # type: ignore[arg-type]
    queue.presence.enter(worker_id, "cpu")
    return worker_id


def hold(queue: Queue, worker_id: str | None = None) -> Holding:
    """The oldest waiting job in the hands of a living worker."""
    worker_id = worker_id or worker(queue)
    job = queue.claim(worker_id)
    assert job is not None
    return Holding(queue, job, worker_id)


def result_of(job_id: str) -> Result:
    """A result without pictures."""
    return Result(
        job_id=job_id, task="txt2img", request={}, pictures=[], parameters="", environment={}, timings={"sampling": 1.0}
    )
