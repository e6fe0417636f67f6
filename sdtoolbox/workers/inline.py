"""The worker's loop inside this process: for the Python API, the command line and tests where no server runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.jobs.recovery import Recovery
from sdtoolbox.schema.results import JobState
from sdtoolbox.workers.heartbeat import Heartbeat
from sdtoolbox.workers.parts import Parts, load_engine
from sdtoolbox.workers.runner import Runner


class InlineWorker:
    """Does the jobs that are reserved for it, and no other, in one thread of its own.

    The caller's thread stays free to watch and to hear Ctrl+C. Models stay loaded from job to job.
    """

    def __init__(self, parts: Parts) -> None:
        self.id = new_worker_id("inline")
        self._parts = parts
        self._heartbeat = Heartbeat(
            parts.queue.presence, self.id, parts.settings.lease_seconds, lambda: self._runner.tidy()
        )
        self._runner = Runner(parts, load_engine, self._heartbeat)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inline worker")
        parts.queue.presence.enter(self.id, "inline")
        self._heartbeat.start()

    def start(self) -> Future[JobState | None]:
        """Do the oldest job that is reserved for this worker; the future tells how it ended."""
        return self._thread.submit(self._run_next)

    def close(self) -> None:
        """Wait for the job in hand, then leave."""
        self._thread.shutdown()
        self._heartbeat.stop()
        self._parts.queue.presence.leave(self.id)

    def _run_next(self) -> JobState | None:
        job = self._parts.queue.claim(self.id, reserved=True)
        return None if job is None else self._runner.run(Holding(self._parts.queue, job, self.id))


class Nurse:
    """Sees to it that a job somebody waits for is drawn: by a live worker, or here once the last one has gone.

    `patience` is how many seconds without any worker to bear; None waits for ever, where one will come back.
    """

    LOOK_SECONDS = 1.0

    def __init__(self, queue: Queue, job_id: str, worker: Callable[[], InlineWorker], patience: float | None) -> None:
        self._queue = queue
        self._job_id = job_id
        self._worker = worker
        self._patience = patience
        self._drawing: Future[JobState | None] | None = None
        self._looked = self._alive = time.monotonic()

    def draw_here(self) -> None:
        """Begin to draw the job in this process; it must be reserved for the inline worker."""
        self._drawing = self._worker().start()

    def look(self) -> None:
        """To be called while nothing happens; raises what stopped the inline worker, if something did."""
        if self._drawing is not None:
            if self._drawing.done() and self._drawing.result() is None:
                Recovery(self._queue).sweep()  # lost, after a pause of the whole machine: say so
            return
        now = time.monotonic()
        if self._patience is None or now - self._looked < self.LOOK_SECONDS:
            return
        self._looked = now
        if self._queue.presence.live():
            self._alive = now
        elif now - self._alive > self._patience:
            Recovery(self._queue).sweep(dead_only=True)
            if self._queue.reserve(self._job_id, self._worker().id):
                self.draw_here()

    def wait(self) -> None:
        """Wait until nothing of the job is going on in this process."""
        if self._drawing is not None:
            self._drawing.exception()
