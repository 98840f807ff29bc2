"""The worker of the Python library, as scenarios.json wants it: see README.md."""

import ctypes
import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))

from crucible_queue import AttemptFailed, Worker  # noqa: E402

settings = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
gates = {}
lock = threading.Lock()


def say(**line):
    with lock:
        print(json.dumps(line), flush=True)


def gate_of(eval_id):
    with lock:
        return gates.setdefault(eval_id, threading.Event())


def read():
    for line in sys.stdin:
        gate_of(line.replace("open ", "").strip()).set()


def on_event(event):
    if event.type != "trouble":
        say(event=event.type, id=event.task and event.task.eval_id, code=getattr(event.error, "code", None))


def run(task, ctx):
    if task.code == "error":
        raise AttemptFailed("as it was told to")
    if task.code.startswith("sleep "):
        ctx.wait(float(task.code[6:]))
    if task.code.startswith("block "):
        # Keeps the interpreter's lock: no other thread of this process runs meanwhile.
        ctypes.PyDLL(None).usleep(int(float(task.code[6:]) * 1e6))
    if task.code == "gate":
        gate = gate_of(task.eval_id)
        while not gate.wait(0.02):
            ctx.raise_if_cancelled()
    return {"by": task.raw["worker_id"]}


# The processes that some scenarios ask for import this file again.
if __name__ == "__main__":
    worker = Worker(
        settings["url"],
        settings["worker_id"],
        settings.get("concurrency", 1),
        lease=settings.get("lease"),
        queues=settings.get("queues"),
        processes=settings.get("processes", False),
        on_event=on_event,
    )
    worker.handler(run)
    threading.Thread(target=read, daemon=True).start()
    worker.run()
    say(event="ended")
