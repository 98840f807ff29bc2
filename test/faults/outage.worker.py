"""A worker of the Python library for outage.ts: python3 outage.worker.py URL WORKER_ID."""

import logging
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "python"))

from crucible_queue import Worker  # noqa: E402

logging.disable()
worker = Worker(sys.argv[1], worker_id=sys.argv[2])


@worker.handler
def run(task, context):
    if task.code == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    for second in range(task.checkpoint or 0, int(task.code)):
        if context.wait(1):
            context.raise_if_cancelled()
        context.checkpoint(second + 1)


worker.run(grace=0)
