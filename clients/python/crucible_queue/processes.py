"""Runs each attempt in its own process, so that no handler can delay the worker's heartbeats."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import pickle
import queue
import signal
import sys
import threading
import time
from typing import Any, Callable, Mapping, Optional, Tuple

from .errors import AttemptFailed, ClientError, InvalidRequest, TaskStopped
from .models import Artifact, ClaimedTask
from .payload import read_json, write_json
from .report import ReportedFailure, failure, refused_output
from .running import Context, Running
from .subprocesses import kill_all
from .task_log import content_of

#: Seconds between two checks of the stop signal.
LOOK = 0.1

Handler = Callable[[ClaimedTask, Context], Any]
Pipe = multiprocessing.connection.Connection
#: saved, stopped or refused, and why it was refused.
Saved = Tuple[str, Optional[str]]


class ProcessHandler:
    """A handler that runs the real handler in a new process for each attempt.

    The process leads its own session. The whole session is killed ``kill_after`` seconds after the stop signal, and its
    remaining processes are killed when the handler has ended. Raises ValueError for a handler that cannot be pickled:
    use a function at the top of a module. Raises RuntimeError when importing the program would run the worker.
    """

    def __init__(self, handler: Handler, kill_after: float) -> None:
        # multiprocessing makes the same check, but only after tasks were claimed.
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError('The program needs `if __name__ == "__main__":` around worker.run()')
        try:
            pickle.dumps(handler)
        except Exception as error:
            raise ValueError(f"processes=True needs a handler at the top of a module: {error}") from error
        self._handler = handler
        self._kill_after = kill_after
        is_posix = "forkserver" in multiprocessing.get_all_start_methods()
        self._start: Any = multiprocessing.get_context("forkserver" if is_posix else "spawn")

    def __call__(self, task: ClaimedTask, context: Context) -> Any:
        mine, theirs = self._start.Pipe()
        process = self._start.Process(target=_attempt, args=(theirs, self._handler, task, self._kill_after))
        try:
            process.start()
            theirs.close()
            return self._follow(process, mine, context)
        finally:
            mine.close()
            if process.pid is not None and process.exitcode is None:
                _kill_group(process)
                process.kill()
            process.join()
            process.close()

    def _follow(self, process: Any, pipe: Pipe, context: Context) -> Any:
        kill_at: Optional[float] = None
        sending = threading.Lock()

        def tell(kind: str, given: Any) -> None:
            with sending:
                _send(pipe, (kind, given))

        while True:
            ready = multiprocessing.connection.wait([pipe, process.sentinel], LOOK)
            message = _receive(pipe)
            if message is None and ready:
                # A process that the handler left behind may hold the pipe open.
                _kill_group(process)
                process.join(1)
                code = process.exitcode
                raise AttemptFailed(f"The process of the handler ended without a result: {code}", code)
            if message is not None:
                kind, given = message
                if kind == "completed":
                    return read_json(given)
                if kind == "failed":
                    raise ReportedFailure(given)
                if kind == "checkpoint":
                    tell("saved", _save(context, given))
                elif kind == "log":
                    context.log(given)
                elif kind == "artifact":
                    # An upload can take long, and the stop signal must not wait for it.
                    threading.Thread(target=_put, args=(context, given, tell), daemon=True).start()
                else:
                    context.progress(**given)
            if context.reason is None:
                continue
            if kill_at is None:
                kill_at = time.monotonic() + self._kill_after
                tell("stop", (context.reason.code, str(context.reason), context.reason.reason))
            if time.monotonic() >= kill_at:
                raise context.reason


def _attempt(pipe: Pipe, handler: Handler, task: ClaimedTask, kill_after: float) -> None:
    """Runs in the child process."""
    if hasattr(os, "setsid"):
        os.setsid()
    own = os.getpid()
    # The worker decides when this process ends, even after a hangup or an interrupt from the terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running = Running(task, time.monotonic(), lambda _running: None)
    running.stop_limit = kill_after
    saved: "queue.SimpleQueue[Saved]" = queue.SimpleQueue()
    stored: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
    answers = {"saved": saved, "artifact": stored}
    threading.Thread(target=_listen, args=(pipe, running, answers), daemon=True).start()
    sending = threading.Lock()
    saving = threading.Lock()
    storing = threading.Lock()

    def send(kind: str, given: Any) -> None:
        with sending:
            _send(pipe, (kind, given))

    def save(_running: Running, checkpoint: Any) -> None:
        with saving:
            send("checkpoint", write_json(checkpoint))
            answer, problem = saved.get()
        if answer == "stopped":
            running.wait(None)
        running.raise_if_stopped()
        if answer == "refused":
            raise InvalidRequest(422, {"detail": problem})

    def tell(_running: Running, progress: Any) -> None:
        send("progress", progress)

    def put(_running: Running, source: Any, name: Optional[str], *, content_type: Optional[str]) -> Artifact:
        """The worker has the connection, and this process has none."""
        path = source if isinstance(source, bytes) else os.path.abspath(os.fspath(source))
        with storing:
            send("artifact", (path, name, content_type))
            answer = stored.get()
        if isinstance(answer, BaseException):
            raise answer
        artifact: Artifact = answer
        return artifact

    output, error = None, None
    try:
        output = handler(task, Context(running, tell, save, put, lambda text: send("log", content_of(text))))
        if asyncio.iscoroutine(output):
            output = asyncio.run(output)
    except BaseException as raised:
        error = raised
    if os.getpid() != own:
        # A copy that the handler forked. The task belongs to its parent.
        os._exit(0 if error is None else 1)
    if error is not None:
        send("failed", failure(error))
    else:
        try:
            content = write_json(output)
        except BaseException as why:
            send("failed", refused_output(why))
        else:
            send("completed", content)
    _end()


def _receive(pipe: Pipe) -> Any:
    """Returns the next message; None when there is none, or none can follow."""
    try:
        return pipe.recv() if pipe.poll(0) else None
    except (EOFError, OSError):
        return None


def _save(context: Context, content: bytes) -> Saved:
    """Saves a checkpoint for the process of the handler. A stop signal follows ``stopped``."""
    try:
        context.checkpoint(read_json(content))
    except TaskStopped:
        return "stopped", None
    except ClientError as error:
        return "refused", str(error)
    return "saved", None


def _put(context: Context, given: Any, tell: Callable[[str, Any], None]) -> None:
    """Runs in the worker."""
    source, name, content_type = given
    answer: Any
    try:
        answer = context.put_artifact(source, name, content_type=content_type)
    except BaseException as error:
        answer = error
    try:
        pickle.loads(pickle.dumps(answer))
    except Exception:
        answer = AttemptFailed(str(answer))
    tell("artifact", answer)


def _listen(pipe: Pipe, running: Running, answers: Mapping[str, "queue.SimpleQueue[Any]"]) -> None:
    try:
        while True:
            kind, given = pipe.recv()
            if kind in answers:
                answers[kind].put(given)
            else:
                running.stop(*given)
    except (EOFError, OSError):
        pass
    # The worker has ended and cannot receive the result.
    kill_all()
    os._exit(1)


def _end() -> None:
    """Ends this process and the processes that its handler left running."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # The reader has ended.
    kill_all()
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _send(pipe: Pipe, message: Any) -> None:
    try:
        pipe.send(message)
    except (OSError, ValueError):
        pass  # The other side has ended.


def _kill_group(process: Any) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass  # It has ended, or has not created its session yet.
