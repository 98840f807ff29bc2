"""A worker whose task has 40 steps. It kills its own process in each of the first ten attempts."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "python"))

from crucible_queue import Worker  # noqa: E402

URL, FILE = sys.argv[1:]
KILLS = 10
STEPS = 40

worker = Worker(URL)


@worker.handler
def run(task, context):
    begin = task.checkpoint or 0
    for step in range(begin, STEPS):
        with open(FILE, "a") as steps:
            steps.write(f"{step}\n")
        # In turn right before the checkpoint, and right after it.
        is_last = task.attempt <= KILLS and step - begin == 3
        if is_last and task.attempt % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        context.checkpoint(step + 1)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)


worker.run(max_tasks=1)
