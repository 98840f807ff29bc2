"""Completions of a worker that share requests."""

from __future__ import annotations

import threading
from typing import Any, List, Mapping, Optional

from .client import Client
from .connections import renew_after_fork
from .errors import ClientError
from .models import ClaimedTask
from .payload import write_json

#: With this many requests under way, further completions wait to share one.
REQUESTS_AT_ONCE = 2
#: Seconds. A request that hangs delays others at most this long.
LONGEST_WAIT = 0.02
MOST_TOGETHER = 100
#: Bytes. A request holds 2 MiB.
MOST_BYTES = 1024 * 1024


class _Waiting:
    """A completion that waits to share a request, and the thread that waits for it."""

    def __init__(self, task: ClaimedTask, content: bytes) -> None:
        self.task = task
        # The body of a single report begins with its lease id.
        head = {"eval_id": task.eval_id, "status": "completed"}
        self.item = write_json(head)[:-1] + b"," + content[1:]
        self.is_taken = False
        self.is_completed = False
        #: Wakes the thread: another thread has sent this completion, or this thread must send the waiting ones.
        self.turn = threading.Event()


class Completions:
    """Reports completions. Those that come while others are under way share a request.

    A completion that the shared request does not settle gets a request of its own, with its own patience and error.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        renew_after_fork(self)

    def renew(self) -> None:
        self._lock = threading.Lock()
        self._waiting: List[_Waiting] = []
        self._under_way = 0

    def complete(self, task: ClaimedTask, content: bytes, limits: Mapping[str, Any]) -> str:
        """Returns the state of the task. ``content`` is the body of a single report. Raises ClientError."""
        waiting = self._begin(task, content)
        if waiting is not None and self._is_completed(waiting):
            return "completed"
        try:
            return self._client.report(task, "complete", content, **limits).status
        finally:
            self._end()

    def _begin(self, task: ClaimedTask, content: bytes) -> Optional[_Waiting]:
        """Counts a request that can start at once; otherwise returns the waiting completion."""
        with self._lock:
            if len(content) > MOST_BYTES or self._under_way < REQUESTS_AT_ONCE:
                self._under_way += 1
                return None
            waiting = _Waiting(task, content)
            self._waiting.append(waiting)
            return waiting

    def _end(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._wake_first()

    def _wake_first(self) -> None:
        if self._waiting:
            self._waiting[0].turn.set()

    def _is_completed(self, waiting: _Waiting) -> bool:
        """Whether a shared request has settled it. If not, it now counts as a request under way."""
        waiting.turn.wait(LONGEST_WAIT)
        with self._lock:
            part = [] if waiting.is_taken else self._take(waiting)
            self._under_way += 1
            # The size of a request is limited, so the next thread sends the rest.
            self._wake_first()
        if not part:
            waiting.turn.wait()
        elif len(part) > 1:
            self._send(part)
        if waiting.is_completed:
            self._end()
        return waiting.is_completed

    def _take(self, sender: _Waiting) -> List[_Waiting]:
        """Takes the sender and others within the size of a request."""
        part = [sender]
        size = len(sender.item)
        for each in self._waiting:
            if each is sender:
                continue
            size += len(each.item)
            if len(part) == MOST_TOGETHER or size > MOST_BYTES:
                break
            part.append(each)
        for each in part:
            each.is_taken = True
            if each is not sender:
                each.turn.clear()
        self._waiting = [each for each in self._waiting if not each.is_taken]
        return part

    def _send(self, part: List[_Waiting]) -> None:
        body = b'{"results":[' + b",".join(each.item for each in part) + b"]}"
        try:
            # Sent once: those that it does not settle get requests of their own.
            for item in self._client.request("POST", "/tasks/complete", content=body, read=_results, patience=0.0):
                self._note(part, item)
        except ClientError:
            pass
        finally:
            for each in part:
                each.turn.set()

    @staticmethod
    def _note(part: List[_Waiting], item: Any) -> None:
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(part):
            return
        each = part[index]
        if item.get("status") == "completed" and item.get("eval_id") == each.task.eval_id:
            each.is_completed = True


def _results(answer: Any) -> List[Any]:
    results = answer["results"]
    if not isinstance(results, list):
        raise TypeError("results must be an array")
    return results
