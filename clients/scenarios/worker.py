"""The Python library's worker for scenarios.json: see README.md."""

import ctypes
import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))

from crucible_queue import AttemptFailed, Client, Worker  # noqa: E402

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
        verb, *rest = line.split()
        if verb == "open":
            gate_of(rest[0]).set()
        elif verb == "enqueue":
            enqueue(*map(int, rest))
        elif verb == "bytes":
            enqueue_bytes()
        elif verb == "clear":
            clear_nothing()


def enqueue(count, size):
    tasks = ({"eval_id": f"bulk-{number}", "queue": "bulk", "code": "x" * size} for number in range(count))
    results = list(Client(settings["url"]).enqueue_all(tasks))
    say(event="enqueued", count=sum("problem" not in each for each in results))


def enqueue_bytes():
    try:
        Client(settings["url"]).enqueue(b"\xe9")
    except TypeError:
        say(event="refused")
    else:
        say(event="accepted")


def clear_nothing():
    client = Client(settings["url"])
    for call in (
        lambda: client.clear(queue=None),
        lambda: client.clear(status=[]),
        lambda: client.clear(),
        lambda: client.queues.purge(None),
        lambda: client.queues.purge(""),
    ):
        try:
            call()
        except (TypeError, ValueError):
            continue
        raise AssertionError("it cleared something")
    say(event="refused")


def fork():
    """Uses a client in a forked process and in this one. Neither may read the other's answer."""
    client = Client(settings["url"])
    client.status()
    child = os.fork()
    counts = [client.queues.stats("default"), client.status()]
    if child == 0:
        os._exit(0 if all(isinstance(each, dict) for each in counts) else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise AttemptFailed("the forked process could not use its client")


def on_event(event):
    if event.type not in ("trouble", "recovered"):
        say(event=event.type, id=event.task and event.task.eval_id, code=getattr(event.error, "code", None))
    if settings.get("listener") == "throws":
        raise RuntimeError("a fault of the listener")


def run(task, ctx):
    if task.code == "error":
        raise AttemptFailed("as it was told to")
    if task.code == "cry":
        raise AttemptFailed("\x1b]0;owned\x07\x1b[2J\u202e\x9b31m")
    if task.code == "shout":
        return "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    if task.code == "fork":
        fork()
    if task.code == "echo":
        return task.metadata
    if task.code.startswith("sleep "):
        ctx.wait(float(task.code[6:]))
    if task.code.startswith("block "):
        # Holds the interpreter's lock, which blocks all other threads of this process.
        ctypes.PyDLL(None).usleep(int(float(task.code[6:]) * 1e6))
    if task.code == "gate":
        gate = gate_of(task.eval_id)
        while not gate.wait(0.02):
            ctx.raise_if_cancelled()
    return {"by": task.raw["worker_id"]}


# The processes that some scenarios start import this file again.
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
