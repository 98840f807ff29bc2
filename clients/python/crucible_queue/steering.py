"""Calls for operators: batches, queues, schedules, workers."""

from __future__ import annotations

import time
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from .errors import WaitTimeout
from .models import BatchState, Model, Queue, Schedule, Task, WorkerState

Request = Callable[..., Any]
_Answer = TypeVar("_Answer", Task, BatchState)
_Item = TypeVar("_Item", bound=Model)

#: Filters of a removal. The service rejects others; older versions ignored them and removed everything.
REMOVAL_FILTERS = frozenset(("queue", "status", "cause"))

#: Seconds.
LONGEST_POLL = 30.0
EARLY_ANSWER = 0.25


class BatchCalls:
    """Calls on batches of tasks. ``Client.batch`` creates a batch and adds tasks to it."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def get(self, batch_id: str) -> BatchState:
        return self._read(batch_id)

    def wait(self, batch_id: str, timeout: Optional[float] = None) -> BatchState:
        """Returns the batch when all of its tasks have ended; raises :class:`WaitTimeout`."""

        def read(poll: float) -> BatchState:
            return self._read(batch_id, query={"wait": poll}, wait=poll)

        return wait_for_end(read, f"Batch {batch_id}", timeout)

    def list(self) -> Iterator[BatchState]:
        """Yields batches page by page, newest first."""
        return pages(self._request, "/batches", (BatchState, "batches"), {})

    def cancel(self, batch_id: str, reason: Optional[str] = None) -> int:
        """Cancels the batch's tasks that have not ended, including held ones; returns their number."""
        body = {} if reason is None else {"reason": reason}
        path = path_to("batches", batch_id, "cancel")
        return int(self._request("POST", path, body=body, read=number_in("tasks_cancelled")))

    def redrive(self, batch_id: str, outcome: Optional[str] = None) -> int:
        """Returns the batch's dead letters to their queues; returns their number."""
        body = {} if outcome is None else {"outcome": outcome}
        path = path_to("batches", batch_id, "redrive")
        read = number_in("tasks_redriven")
        return int(self._request("POST", path, body=body, is_repeatable=False, read=read))

    def _read(self, batch_id: str, **options: Any) -> BatchState:
        path = path_to("batches", batch_id)
        batch: BatchState = self._request("GET", path, read=BatchState.from_json, **options)
        return batch


class QueueCalls:
    """The counts and settings of queues."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def list(self) -> List[Queue]:
        queues: List[Queue] = self._request("GET", "/queues", read=list_of(Queue, "queues"))
        return queues

    def get(self, queue: str) -> Queue:
        return self._call("GET", path_to("queues", queue))

    def stats(self, queue: str) -> Dict[str, Any]:
        """Returns the figures for an autoscaler: ready, leased, delayed, backlog, oldest_ready_age_seconds."""
        answer: Dict[str, Any] = self._request("GET", path_to("queues", queue, "stats"))
        return answer

    def change(self, queue: str, **settings: Any) -> Queue:
        """Changes the given settings and keeps the others; None removes a limit."""
        return self._call("PATCH", path_to("queues", queue), body=settings)

    def pause(self, queue: str) -> Queue:
        """Stops claims from the queue; enqueues continue."""
        return self._call("POST", path_to("queues", queue, "pause"), body={})

    def resume(self, queue: str) -> Queue:
        """Allows claims from the queue again."""
        return self._call("POST", path_to("queues", queue, "resume"), body={})

    def purge(self, queue: str, status: Optional[Sequence[str]] = None) -> int:
        """Removes the tasks of one queue, including held ones, and returns their number. This cannot be undone.

        ``status`` names the states to remove; by default all. Raises ValueError for an empty queue or status.
        """
        filters: Dict[str, Any] = {"queue": queue} if status is None else {"queue": queue, "status": status}
        query = removal_query(filters, is_all=False)
        if not isinstance(queue, str) or "," in queue:
            raise ValueError(f"purge takes the name of one queue, not {queue!r}")
        read = number_in("tasks_removed")
        return int(self._request("DELETE", "/tasks", query=query, is_repeatable=False, read=read))

    def _call(self, method: str, path: str, **options: Any) -> Queue:
        queue: Queue = self._request(method, path, read=Queue.from_json, **options)
        return queue


class ScheduleCalls:
    """Calls on schedules, which enqueue tasks at set times."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def put(self, schedule_id: str, cron: str, task: Mapping[str, Any], **options: Any) -> Schedule:
        """Creates a schedule or replaces the one with this name. ``options``: timezone, catch_up, paused."""
        body = {"schedule_id": schedule_id, "cron": cron, "task": dict(task), **options}
        schedule: Schedule = self._request("POST", "/schedules", body=body, read=Schedule.from_json)
        return schedule

    def get(self, schedule_id: str) -> Schedule:
        path = path_to("schedules", schedule_id)
        schedule: Schedule = self._request("GET", path, read=Schedule.from_json)
        return schedule

    def list(self) -> Iterator[Schedule]:
        """Yields schedules page by page, newest first."""
        return pages(self._request, "/schedules", (Schedule, "schedules"), {})

    def remove(self, schedule_id: str) -> None:
        """Removes a schedule; its tasks remain."""
        self._request("DELETE", path_to("schedules", schedule_id), is_repeatable=False)


class WorkerCalls:
    """Calls on the workers that the service has seen."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def list(self) -> List[WorkerState]:
        """All workers, by name."""
        workers: List[WorkerState] = self._request("GET", "/workers", read=list_of(WorkerState, "workers"))
        return workers

    def drain(self, worker_id: str) -> WorkerState:
        """Asks a worker to finish its tasks and to claim no more."""
        return self._post(worker_id, "drain")

    def resume(self, worker_id: str) -> WorkerState:
        """Ends a drain."""
        return self._post(worker_id, "resume")

    def leave(self, worker_id: str, **options: Any) -> None:
        """Reports that a worker has ended. Tasks that it still holds wait for the end of their leases."""
        self._request("POST", path_to("workers", worker_id, "leave"), body={}, **options)

    def _post(self, worker_id: str, verb: str) -> WorkerState:
        path = path_to("workers", worker_id, verb)
        worker: WorkerState = self._request("POST", path, body={}, read=WorkerState.from_json)
        return worker


def wait_for_end(read: Callable[[float], _Answer], name: str, timeout: Optional[float]) -> _Answer:
    """Polls until the task or batch has ended; raises :class:`WaitTimeout`."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        asked_at = time.monotonic()
        left = LONGEST_POLL if end is None else max(0.0, end - asked_at)
        answer = read(round(min(LONGEST_POLL, left), 3))
        if answer.is_ended:
            return answer
        now = time.monotonic()
        if end is not None and now >= end:
            raise WaitTimeout(f"{name} is still {answer.status} after {timeout} s")
        # A service that is shutting down answers long polls at once.
        if now - asked_at < EARLY_ANSWER:
            time.sleep(EARLY_ANSWER)


def pages(
    request: Request, path: str, items: Tuple[Type[_Item], str], query: Mapping[str, Any]
) -> Iterator[_Item]:
    """Yields all items of a list. Each page is requested after the previous one has been consumed."""
    cursor = query.get("cursor")
    read_items = list_of(*items)

    def read(answer: Any) -> Tuple[List[_Item], Optional[str]]:
        return read_items(answer), answer["next_cursor"]

    while True:
        page, cursor = request("GET", path, query={**query, "cursor": cursor}, read=read)
        yield from page
        if cursor is None:
            return


def list_of(kind: Type[_Item], name: str) -> Callable[[Any], List[_Item]]:
    """Reads an answer whose member ``name`` is an array of this kind."""

    def read(answer: Any) -> List[_Item]:
        given = answer[name]
        if not isinstance(given, list):
            raise TypeError(f"{name} must be an array")
        return [kind.from_json(each) for each in given]

    return read


def number_in(name: str) -> Callable[[Any], int]:
    """Reads the answer's whole number with this name."""

    def read(answer: Any) -> int:
        number = answer[name]
        if not isinstance(number, int) or isinstance(number, bool):
            raise TypeError(f"{name} must be a whole number")
        return number

    return read


def removal_query(filters: Mapping[str, Any], *, is_all: bool) -> Dict[str, Any]:
    """Builds the query of a removal. An empty filter is an error of the caller and must not widen the removal."""
    unknown = sorted(set(filters) - REMOVAL_FILTERS)
    if unknown:
        raise TypeError(f"A removal cannot be limited by {', '.join(unknown)}: it takes queue, status and cause")
    if is_all == bool(filters):
        raise ValueError("Give clear a filter, or all=True to remove every task of every queue")
    for name, value in filters.items():
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names or not all(_is_name(each) for each in names):
            raise ValueError(f"The filter {name}={value!r} is empty; omit it to match any")
    return dict(filters)


def path_to(*parts: str) -> str:
    """Joins path segments. Raises ValueError for a segment that would change the path."""
    for part in parts:
        if not _is_name(part) or part in (".", ".."):
            raise ValueError(f"{part!r} is not a valid name")
    return "".join(f"/{urllib.parse.quote(part, safe='')}" for part in parts)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""
