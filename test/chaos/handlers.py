"""Handlers of the Python library that do what they should not.

The code of a task is the number of one; ``--list`` says how each ends.
"""

import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "clients" / "python"))

from crucible_queue import AttemptFailed, PermanentError, RetryLater, Worker  # noqa: E402

cyclic = []
cyclic.append(cyclic)
deep = []
for _ in range(20_000):
    deep = [deep]


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("a fault of the text")

    __repr__ = __str__


class Deadly(Exception):
    def __str__(self):
        raise SystemExit(4)

    __repr__ = __str__


class Items(dict):
    def items(self):
        raise RuntimeError("a fault of the items")


class Fatal(dict):
    def __init__(self, error):
        super().__init__(a=1)
        self.error = error

    def items(self):
        raise self.error


class Text(str):
    def encode(self, *_):
        raise RuntimeError("a fault of the encoding")


def give(value):
    return lambda _task, _ctx: value


def throw(error):
    def handler(_task, _ctx):
        raise error

    return handler


def forked(_task, _ctx):
    child = os.fork()
    if child == 0:
        return "the copy"
    os.waitpid(child, 0)
    return "the parent"


def deeper(task, ctx):
    return deeper(task, ctx)


def progress(**given):
    return lambda _task, ctx: ctx.progress(**given)


def threads(_task, _ctx):
    threading.Thread(target=lambda: 1 / 0).start()


COMPLETED = [
    *map(give, (None, True, 0, -0.0, "", "x", [], {}, (1, 2), {"a": None}, 2**63, "\x00\x1b[2J", "y" * 1_000_000)),
    forked,
    progress(percent=float("nan")),
    progress(percent=1e9),
    progress(message="m" * 9000),
    progress(message=Silent()),
    progress(percent="half", message=b"\xff"),
    threads,
]
FAILED = [
    *map(give, (b"bytes", {1, 2}, float("nan"), float("inf"), cyclic, deep, 10**4400, Items(a=1), Fatal(SystemExit(5)), Fatal(KeyboardInterrupt()), lambda: 0, "z" * 3_000_000, object())),
    *map(
        throw,
        (
            Silent(),
            Deadly(),
            Exception(Silent()),
            Exception("\x1b]0;x\x07"),
            Exception("e" * 5_000_000),
            Exception("\ud800"),
            Exception(Text("x")),
            SystemExit(3),
            SystemExit("no"),
            KeyboardInterrupt(),
            GeneratorExit(),
            StopIteration(),
            StopAsyncIteration(),
            MemoryError(),
            RecursionError(),
            BrokenPipeError(),
            TimeoutError(),
            BaseException(),
            AttemptFailed("x", "seven"),
            AttemptFailed("x", 10**40),
            AttemptFailed("x", float("nan")),
            AttemptFailed(None),
            PermanentError("y", -5.5),
            PermanentError(Silent()),
            RetryLater(-1, "later"),
            RetryLater(float("inf"), "later"),
            RetryLater(float("nan"), "later"),
            RetryLater("soon", "later"),
            RetryLater(10**400, "later"),
        ),
    ),
    deeper,
    lambda _task, _ctx: sys.exit(0),
    lambda _task, _ctx: 1 / 0,
]
HANDLERS = COMPLETED + FAILED

if __name__ == "__main__":
    if sys.argv[1] == "--list":
        print(json.dumps(["completed"] * len(COMPLETED) + ["failed"] * len(FAILED)))
    else:
        given = json.loads(sys.argv[1])
        worker = Worker(
            given["url"], given["worker_id"], given["concurrency"], lease=given["lease"], queues=given["queues"]
        )
        worker.handler(lambda task, ctx: HANDLERS[int(task.code)](task, ctx))
        worker.run()
