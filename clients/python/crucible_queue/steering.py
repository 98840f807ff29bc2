"""What operators read and set: batches, queues, schedules, workers."""

from __future__ import annotations

import time
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, TypeVar

from .errors import WaitTimeout
from .models import BatchState, Queue, Schedule, TaskStatus, WorkerState

Request = Callable[..., Any]
_Answer = TypeVar("_Answer", TaskStatus, BatchState)

LONGEST_POLL = 30.0


class BatchCalls:
    """Tasks that belong together. ``Client.batch`` makes a batch, and lets one grow."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def get(self, batch_id: str) -> BatchState:
        return BatchState.from_json(self._request("GET", _path("batches", batch_id)))

    def wait(self, batch_id: str, timeout: Optional[float] = None) -> BatchState:
        """The batch when each of its tasks has ended; raises :class:`WaitTimeout`."""

        def read(poll: float) -> BatchState:
            path = _path("batches", batch_id)
            return BatchState.from_json(self._request("GET", path, query={"wait": poll}, wait=poll))

        return wait_for_end(read, lambda batch: batch.is_done, f"Batch {batch_id}", timeout)

    def list(self) -> Iterator[BatchState]:
        """Those that ``Client.batch`` made, newest first, a page at a time."""
        for each in pages(self._request, "/batches", "batches", {}):
            yield BatchState.from_json(each)

    def cancel(self, batch_id: str, reason: Optional[str] = None) -> int:
        """Ends what has not ended, whoever holds it; how many tasks that were."""
        body = {} if reason is None else {"reason": reason}
        return int(self._request("POST", _path("batches", batch_id, "cancel"), body=body)["tasks_cancelled"])

    def redrive(self, batch_id: str, outcome: Optional[str] = None) -> int:
        """Gives its dead letters back to their queues; how many there were."""
        body = {} if outcome is None else {"outcome": outcome}
        path = _path("batches", batch_id, "redrive")
        return int(self._request("POST", path, body=body, is_repeatable=False)["tasks_redriven"])


class QueueCalls:
    """How queues fare, and what is set for them."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def list(self) -> List[Queue]:
        return [Queue.from_json(each) for each in self._request("GET", "/queues")["queues"]]

    def get(self, queue: str) -> Queue:
        return Queue.from_json(self._request("GET", _path("queues", queue)))

    def stats(self, queue: str) -> Dict[str, Any]:
        """The numbers that an autoscaler reads: ready, leased, delayed, backlog, oldest_ready_age_seconds."""
        answer: Dict[str, Any] = self._request("GET", _path("queues", queue, "stats"))
        return answer

    def change(self, queue: str, **settings: Any) -> Queue:
        """Sets what is given and leaves the rest; None takes a limit away."""
        return Queue.from_json(self._request("PATCH", _path("queues", queue), body=settings))

    def pause(self, queue: str) -> Queue:
        """Hands out nothing more; enqueues go on."""
        return Queue.from_json(self._request("POST", _path("queues", queue, "pause"), body={}))

    def resume(self, queue: str) -> Queue:
        """Hands out its tasks again."""
        return Queue.from_json(self._request("POST", _path("queues", queue, "resume"), body={}))

    def purge(self, queue: str, status: Optional[Sequence[str]] = None) -> int:
        """Forgets its tasks in these states, or all, held or not; how many there were. There is no way back."""
        query = {"queue": queue, "status": status}
        return int(self._request("DELETE", "/tasks", query=query, is_repeatable=False)["tasks_removed"])


class ScheduleCalls:
    """Tasks that come by the clock."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def put(self, schedule_id: str, cron: str, task: Mapping[str, Any], **options: Any) -> Schedule:
        """Makes a schedule, or replaces the one of this name. ``options``: timezone, catch_up, paused."""
        body = {"schedule_id": schedule_id, "cron": cron, "task": dict(task), **options}
        return Schedule.from_json(self._request("POST", "/schedules", body=body))

    def get(self, schedule_id: str) -> Schedule:
        return Schedule.from_json(self._request("GET", _path("schedules", schedule_id)))

    def list(self) -> Iterator[Schedule]:
        """Newest first, a page at a time."""
        for each in pages(self._request, "/schedules", "schedules", {}):
            yield Schedule.from_json(each)

    def remove(self, schedule_id: str) -> None:
        """Forgets a schedule; its tasks stay."""
        self._request("DELETE", _path("schedules", schedule_id), is_repeatable=False)


class WorkerCalls:
    """Who works, and who is to stop."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def list(self) -> List[WorkerState]:
        """Who claimed or beat lately, by name."""
        return [WorkerState.from_json(each) for each in self._request("GET", "/workers")["workers"]]

    def drain(self, worker_id: str) -> WorkerState:
        """Has a worker finish what it holds and take nothing more."""
        return WorkerState.from_json(self._request("POST", _path("workers", worker_id, "drain"), body={}))

    def resume(self, worker_id: str) -> WorkerState:
        """Takes a drain back."""
        return WorkerState.from_json(self._request("POST", _path("workers", worker_id, "resume"), body={}))


def wait_for_end(
    read: Callable[[float], _Answer],
    is_end: Callable[[_Answer], bool],
    name: str,
    timeout: Optional[float],
) -> _Answer:
    """Reads with a long poll until it is an end; raises :class:`WaitTimeout`."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = LONGEST_POLL if end is None else max(0.0, end - time.monotonic())
        answer = read(round(min(LONGEST_POLL, left), 3))
        if is_end(answer):
            return answer
        if end is not None and time.monotonic() >= end:
            raise WaitTimeout(f"{name} is still {answer.status} after {timeout} s")


def pages(request: Request, path: str, name: str, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What is on a page and on all that follow it; each is asked for when the one before has been read."""
    cursor = query.get("cursor")
    while True:
        page = request("GET", path, query={**query, "cursor": cursor})
        yield from page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _path(*parts: str) -> str:
    return "".join(f"/{urllib.parse.quote(part, safe='')}" for part in parts)
