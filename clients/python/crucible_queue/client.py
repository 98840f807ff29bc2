"""The HTTP API as methods."""

from __future__ import annotations

import ssl
import urllib.parse
import uuid
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple, Union

from .models import Attempt, Batch, ClaimedTask, EnqueuedTask, KeptLease, Task, TaskStatus
from .steering import BatchCalls, QueueCalls, ScheduleCalls, WorkerCalls, pages, wait_for_end
from .transport import Transport


#: Looked at in this order, or by weight: ``{"a": 3, "b": 1}``.
Queues = Union[Sequence[str], Mapping[str, float]]


class Held(Protocol):
    """Which task is held, and by what right."""

    eval_id: str
    lease_id: str


class Client:
    """Safe to share between threads.

    A service that is away, full or restarting is asked again, ``patience`` seconds long. Nearly every call may be sent
    twice without harm; the few that may not (``redrive``, ``remove``, ``clear``) are only sent again when they were not
    carried out.
    """

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        request_timeout: float = 15.0,
        patience: float = 30.0,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._transport = Transport(
            url, api_key, request_timeout=request_timeout, patience=patience, tls=tls
        )
        self.batches = BatchCalls(self.request)
        self.queues = QueueCalls(self.request)
        self.schedules = ScheduleCalls(self.request)
        self.workers = WorkerCalls(self.request)

    def enqueue(self, code: str, *, eval_id: Optional[str] = None, **fields: Any) -> EnqueuedTask:
        """Returns when the task is on disk. ``fields`` are those of ``POST /tasks``: timeout, priority, queue, …

        Without an ``eval_id`` the task is given one, so that sending it twice makes one task.
        """
        traceparent = fields.pop("traceparent", None)
        headers = {"traceparent": traceparent} if traceparent else None
        return EnqueuedTask.from_json(
            self.request("POST", "/tasks", body=_named({**fields, "code": code, "eval_id": eval_id}), headers=headers)
        )

    def batch(
        self,
        tasks: Iterable[Mapping[str, Any]],
        *,
        batch_id: Optional[str] = None,
        callback_url: Optional[str] = None,
        max_failures: Optional[int] = None,
    ) -> Batch:
        """Up to 1000 tasks in one durable commit; each has its own result. The same ``batch_id`` again lets it grow."""
        body = _without_none(
            {
                "batch_id": batch_id or str(uuid.uuid4()),
                "callback_url": callback_url,
                "max_failures": max_failures,
                "tasks": [_named(task) for task in tasks],
            }
        )
        return Batch.from_json(self.request("POST", "/tasks/batch", body=body))

    def get(self, eval_id: str) -> Task:
        return Task.from_json(self.request("GET", path_of(eval_id)))

    def wait(self, eval_id: str, timeout: Optional[float] = None) -> Task:
        """The task when it has ended; raises :class:`WaitTimeout`."""
        read = lambda poll: Task.from_json(  # noqa: E731
            self.request("GET", path_of(eval_id), query={"wait": poll}, wait=poll)
        )
        return wait_for_end(read, lambda task: task.is_ended, f"Task {eval_id}", timeout)

    def cancel(self, eval_id: str, reason: Optional[str] = None) -> TaskStatus:
        """Ends the task at once, whoever holds it."""
        return self._post(eval_id, "cancel", {"reason": reason})

    def output(self, eval_id: str) -> Any:
        """What the task produced; whole numbers keep all their digits."""
        return self.request("GET", path_of(eval_id, "output"))

    def attempts(self, eval_id: str) -> List[Attempt]:
        """The attempts that have ended, oldest first."""
        answer = self.request("GET", path_of(eval_id, "attempts"))
        return [Attempt.from_json(each) for each in answer["attempts"]]

    def list(self, **filters: Any) -> Iterator[Task]:
        """All tasks that match, newest first, a page at a time: status, queue, batch_id, worker_id, limit, …"""
        first: Optional[str] = filters.pop("cursor", None)
        for each in pages(self.request, "/tasks", "tasks", {**filters, "cursor": first}):
            yield Task.from_json(each)

    def dead_letters(self, **filters: Any) -> Iterator[Task]:
        """The tasks that failed or expired, newest first."""
        return self.list(**{**filters, "status": ("failed", "expired")})

    def redrive(self, eval_id: str) -> EnqueuedTask:
        """Gives a dead letter back to its queue."""
        return EnqueuedTask.from_json(
            self.request("POST", path_of(eval_id, "redrive"), body={}, is_repeatable=False)
        )

    def remove(self, eval_id: str) -> None:
        """Forgets a task that has ended."""
        self.request("DELETE", path_of(eval_id), is_repeatable=False)

    def clear(self, **filters: Any) -> int:
        """Forgets every task that matches ``queue`` and ``status``, held or not; how many there were."""
        return int(self.request("DELETE", "/tasks", query=filters, is_repeatable=False)["tasks_removed"])

    def status(self) -> Dict[str, Any]:
        """Counts of tasks, in all and by queue."""
        answer: Dict[str, Any] = self.request("GET", "/status")
        return answer

    def claim(
        self,
        worker_id: str,
        *,
        queues: Optional[Queues] = None,
        labels: Optional[Mapping[str, str]] = None,
        max_tasks: int = 1,
        wait: float = 0.0,
        lease: Optional[float] = None,
        claim_id: Optional[str] = None,
        **options: Any,
    ) -> List[ClaimedTask]:
        """Takes tasks. Under the same ``claim_id`` a lost answer can be asked for again."""
        claim = {"queues": queues, "labels": labels, "max_tasks": max_tasks, "wait": wait, "lease": lease}
        return self.claim_answer(worker_id, claim_id=claim_id, **claim, **options)[0]

    def claim_answer(
        self,
        worker_id: str,
        *,
        queues: Optional[Queues] = None,
        labels: Optional[Mapping[str, str]] = None,
        max_tasks: int = 1,
        wait: float = 0.0,
        lease: Optional[float] = None,
        claim_id: Optional[str] = None,
        **options: Any,
    ) -> Tuple[List[ClaimedTask], Optional[str]]:
        """The same, and ``"drain"`` when the service wants this worker to take no more."""
        body = _without_none(
            {
                "worker_id": worker_id,
                "queues": queues if queues is None or isinstance(queues, Mapping) else [*queues],
                "labels": labels,
                "max_tasks": max_tasks,
                "wait": wait,
                "lease": lease,
                "claim_id": claim_id or str(uuid.uuid4()),
            }
        )
        answer = self.request("POST", "/tasks/claim", body=body, wait=wait, **options)
        return [ClaimedTask.from_json(each) for each in answer["tasks"]], answer.get("command")

    def complete(self, held: Held, output: Any = None, **options: Any) -> TaskStatus:
        """Reports success."""
        return self._post(held.eval_id, "complete", {"lease_id": held.lease_id, "output": output}, **options)

    def fail(self, held: Held, error: Optional[str] = None, **failure: Any) -> TaskStatus:
        """Reports failure: ``retryable``, ``retry_after``, ``exit_code``, ``outcome``."""
        options = {name: failure.pop(name) for name in ("patience", "timeout") if name in failure}
        body = {"lease_id": held.lease_id, "error": error, **failure}
        return self._post(held.eval_id, "fail", body, **options)

    def release(
        self, held: Held, *, delay: Optional[float] = None, reason: Optional[str] = None, **options: Any
    ) -> TaskStatus:
        """Gives a task back unfinished; no budget is spent."""
        body = {"lease_id": held.lease_id, "delay": delay, "reason": reason}
        return self._post(held.eval_id, "release", body, **options)

    def heartbeat(
        self,
        held: Held,
        *,
        extend: Optional[float] = None,
        progress: Optional[Mapping[str, Any]] = None,
        **options: Any,
    ) -> KeptLease:
        """Keeps a lease; raises :class:`LeaseLost`."""
        body = _without_none({"lease_id": held.lease_id, "extend": extend, "progress": progress})
        return KeptLease.from_json(
            self.request("POST", path_of(held.eval_id, "heartbeat"), body=body, **options)
        )

    def heartbeat_all(self, worker_id: str, held: Sequence[Held], **options: Any) -> List[Dict[str, Any]]:
        """Keeps many leases; each has its own result."""
        leases = [{"eval_id": each.eval_id, "lease_id": each.lease_id} for each in held]
        body = {"worker_id": worker_id, "leases": leases}
        results: List[Dict[str, Any]] = self.request("POST", "/tasks/heartbeat", body=body, **options)["results"]
        return results

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Any call, with the same retries and errors; for what has no method of its own."""
        return self._transport.call(method, path, **options)

    def close(self) -> None:
        """Closes the connection of this thread."""
        self._transport.close()

    def _post(self, eval_id: str, verb: str, body: Mapping[str, Any], **options: Any) -> TaskStatus:
        return TaskStatus.from_json(
            self.request("POST", path_of(eval_id, verb), body=_without_none(body), **options)
        )


def _named(task: Mapping[str, Any]) -> Dict[str, Any]:
    return _without_none({**task, "eval_id": task.get("eval_id") or str(uuid.uuid4())})


def _without_none(fields: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def path_of(eval_id: str, verb: Optional[str] = None) -> str:
    """The address of a task, or of what can be done with it."""
    path = f"/tasks/{urllib.parse.quote(eval_id, safe='')}"
    return path if verb is None else f"{path}/{verb}"
