"""The worker process: `python -m sdtoolbox.workers.process`, started by the supervisor and by nobody else.

It owns one device's weights. It may be killed at any moment; when it is asked to go (SIGTERM) or its parent is gone
(end of its standard input) it puts the job in hand back into the queue and leaves at once.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from typing import NoReturn

from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import STARTING
from sdtoolbox.settings import Settings, load_settings
from sdtoolbox.workers.heartbeat import Heartbeat
from sdtoolbox.workers.parts import Parts, device_of, load_engine
from sdtoolbox.workers.runner import Runner

log = logging.getLogger("sdtoolbox.workers.process")  # under -m the name is __main__

ENVIRONMENT = "SDTOOLBOX_WORKER"
"""Where the supervisor puts the worker's id, log name and settings, as JSON."""
POLL_SECONDS = 0.05
LEAVING_SECONDS = 2.0
WATCHDOG_LEASES = 3
"""A worker in which no Python thread could run for so many leases ends itself: nobody else may be left to do it."""


class Worker:
    """This process: claims jobs and does them, until it is told to leave."""

    def __init__(self, worker_id: str, parts: Parts) -> None:
        self.id = worker_id
        self._parts = parts
        self._presence = parts.queue.presence
        self._lease_seconds = parts.settings.lease_seconds
        self._ready = False
        self._heartbeat = Heartbeat(self._presence, worker_id, self._lease_seconds, self._watchdog)
        self._runner = Runner(parts, load_engine, self._heartbeat)
        self._claiming = threading.Lock()  # held by whoever leaves, so that nothing is claimed any more
        self._holding: Holding | None = None

    def run(self) -> NoReturn:
        """Register, import the engine, then do jobs for ever."""
        self._presence.enter(self.id, STARTING)
        self._heartbeat.start()
        self._import_engine()
        self._ready = True
        self._watchdog()
        while True:
            try:
                worked = self._work()
            except sqlite3.OperationalError as error:  # locked for long, or no room on the disk
                log.error("the queue cannot be used just now: %s", error)
                time.sleep(1)
            else:
                if not worked:
                    time.sleep(POLL_SECONDS)

    def leave(self, why: str) -> NoReturn:
        """End this process now, from any thread; the job in hand goes back into the queue."""
        # Should the database be locked, the lease and this process's lock tell the others as well, only later.
        limit = threading.Timer(LEAVING_SECONDS, os._exit, (0,))
        limit.daemon = True
        limit.start()
        with self._claiming:
            log.info("leaving: %s", why)
            if self._holding is not None:
                self._holding.give_back()
            self._presence.leave(self.id)
            os._exit(0)

    def _work(self) -> bool:
        self._runner.tidy()
        if self._parts.outdated:  # a new process, because nobody can take back all that an import has done
            self.leave("extensions were switched or are to be read anew")
        with self._claiming:
            job = self._parts.queue.claim(self.id)
            self._holding = None if job is None else Holding(self._parts.queue, job, self.id)
        if self._holding is None:
            return False
        self._runner.run(self._holding)
        self._holding = None
        return True

    def _import_engine(self) -> None:
        try:
            models = self._runner.models()
        except ImportError:
            log.exception("the engine cannot be imported; jobs will fail")  # each says so: better than no worker
            self._presence.beat(self.id, "none")
        else:
            self._presence.beat(self.id, device_of(models, self._parts.settings))

    def _watchdog(self) -> None:
        if self._ready:
            # Runs in C without the interpreter: it works where a foreign call holds every Python thread up.
            faulthandler.dump_traceback_later(WATCHDOG_LEASES * self._lease_seconds, exit=True)


def main() -> None:
    """Read what the supervisor left in the environment and work."""
    task = json.loads(os.environ[ENVIRONMENT])
    settings = load_settings(**task["settings"])
    faulthandler.enable()
    _log_to(settings, task["log"])
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # before any thread: they inherit it
    try:
        worker = Worker(task["id"], Parts.open(settings))
        _in_background("parent", lambda: _wait_for_parent(worker))
        if hasattr(signal, "sigwait"):
            _in_background("signals", lambda: _wait_for_signal(worker))
        worker.run()
    except BaseException:
        log.exception("the worker crashed")
        raise


def _in_background(name: str, function: Callable[[], None]) -> None:
    threading.Thread(target=function, name=name, daemon=True).start()


def _wait_for_parent(worker: Worker) -> None:
    while os.read(0, 1024):  # the parent never writes; the end of the pipe is the end of the parent
        pass
    worker.leave("the server is gone or stopping")


def _wait_for_signal(worker: Worker) -> None:
    # A handler would have to wait for the main thread to come back from torch; a thread need not.
    signal.sigwait({signal.SIGTERM})
    worker.leave("SIGTERM")


def _log_to(settings: Settings, name: str) -> None:
    handler = RotatingFileHandler(settings.logs / f"{name}.log", maxBytes=2_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    level = os.environ.get("SDTOOLBOX_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(level=level if level in logging.getLevelNamesMapping() else "INFO", handlers=[handler])


if __name__ == "__main__":
    main()
