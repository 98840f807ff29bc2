"""The HTTP API as methods."""

from __future__ import annotations

import ssl
import uuid
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .models import Attempt, Batch, ClaimedTask, EnqueuedTask, KeptLease, Task, TaskStatus
from .payload import members_of, parts_of, read_json, write_json
from .steering import (
    BatchCalls,
    QueueCalls,
    ScheduleCalls,
    WorkerCalls,
    list_of,
    number_in,
    pages,
    path_to,
    removal_query,
    wait_for_end,
)
from .transport import LONGEST_ANSWER, Transport

#: Looked at in this order, or by weight: ``{"a": 3, "b": 1}``.
Queues = Union[Sequence[str], Mapping[str, float]]

#: Bytes of one request of ``enqueue_all``, half of what the service takes by default, and tasks in it.
PART_BYTES = 1024 * 1024
PART_TASKS = 500

_About = TypeVar("_About", bound=TaskStatus)


class Held(Protocol):
    """Which task is held, and by what right."""

    @property
    def eval_id(self) -> str: ...

    @property
    def lease_id(self) -> str: ...


class Client:
    """Safe to share between threads.

    Calls to a service that is unreachable, full or restarting are repeated for ``patience`` seconds. Nearly every call
    may be sent twice without harm; the few that may not (``redrive``, ``remove``, ``clear``) are only repeated when the
    service says that it did not carry them out.

    ``longest_answer`` is how many bytes of one answer are read; a longer one counts as no answer. The default is 256 MiB,
    room for a claim of the 100 largest tasks that the service takes by default. Raises ValueError.
    """

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        request_timeout: float = 15.0,
        patience: float = 30.0,
        longest_answer: int = LONGEST_ANSWER,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._transport = Transport(
            url,
            api_key,
            request_timeout=request_timeout,
            patience=patience,
            longest_answer=longest_answer,
            tls=tls,
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
        body = _named({**fields, "code": code, "eval_id": eval_id})
        read = _about(EnqueuedTask, body["eval_id"])
        answer: EnqueuedTask = self.request("POST", "/tasks", body=body, headers=headers, read=read)
        return answer

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
        answer: Batch = self.request("POST", "/tasks/batch", body=body, read=Batch.from_json)
        return answer

    def enqueue_all(self, tasks: Iterable[Mapping[str, Any]], **batch: Any) -> Iterator[Dict[str, Any]]:
        """Enqueues any number of tasks as one batch and yields the result of each, in order, with its ``index``.

        It sends a request for every 500 tasks or 1 MiB, whichever comes first; each is one durable commit. ``batch``
        takes what :meth:`batch` takes.
        """
        batch = {**batch, "batch_id": batch.get("batch_id") or str(uuid.uuid4())}
        sent = 0
        for part in _parts_of(tasks):
            for result in self.batch(part, **batch).results:
                yield {**result, "index": sent + result["index"]}
            sent += len(part)

    def get(self, eval_id: str) -> Task:
        return self._read_task(eval_id)

    def wait(self, eval_id: str, timeout: Optional[float] = None) -> Task:
        """The task when it has ended; raises :class:`WaitTimeout`."""


        def read(poll: float) -> Task:
            return self._read_task(eval_id, query={"wait": poll}, wait=poll)

        return wait_for_end(read, f"Task {eval_id}", timeout)

    def cancel(self, eval_id: str, reason: Optional[str] = None) -> TaskStatus:
        """Ends the task at once, whoever holds it."""
        return self._post(eval_id, "cancel", {"reason": reason})

    def output(self, eval_id: str) -> Any:
        """What the task produced; whole numbers keep all their digits."""
        return self.request("GET", path_of(eval_id, "output"))

    def attempts(self, eval_id: str) -> List[Attempt]:
        """The attempts that have ended, oldest first."""
        read = list_of(Attempt, "attempts")
        answer: List[Attempt] = self.request("GET", path_of(eval_id, "attempts"), read=read)
        return answer

    def list(self, **filters: Any) -> Iterator[Task]:
        """All tasks that match, newest first, a page at a time: status, queue, batch_id, worker_id, limit, …"""
        first: Optional[str] = filters.pop("cursor", None)
        return pages(self.request, "/tasks", (Task, "tasks"), {**filters, "cursor": first})

    def dead_letters(self, **filters: Any) -> Iterator[Task]:
        """The tasks that failed or expired, newest first."""
        return self.list(**{**filters, "status": ("failed", "expired")})

    def redrive(self, eval_id: str) -> EnqueuedTask:
        """Gives a dead letter back to its queue."""
        read = _about(EnqueuedTask, eval_id)
        path = path_of(eval_id, "redrive")
        answer: EnqueuedTask = self.request("POST", path, body={}, is_repeatable=False, read=read)
        return answer

    def remove(self, eval_id: str) -> None:
        """Forgets a task that has ended."""
        self.request("DELETE", path_of(eval_id), is_repeatable=False)

    def clear(self, *, all: bool = False, **filters: Any) -> int:
        """Removes every task that matches ``queue`` and ``status``, held or not, and returns how many there were.

        Without a filter it takes ``all=True``. Raises ValueError for a filter that is empty or None, and TypeError for
        one that the service does not have: neither removes anything.
        """
        query = removal_query(filters, is_all=all)
        read = number_in("tasks_removed")
        return int(self.request("DELETE", "/tasks", query=query, is_repeatable=False, read=read))

    def status(self) -> Dict[str, Any]:
        """Counts of tasks, in all and by queue."""
        answer: Dict[str, Any] = self.request("GET", "/status", read=_object)
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
        claim: Dict[str, Any] = {"queues": queues, "labels": labels, "max_tasks": max_tasks}
        claim.update(wait=wait, lease=lease)
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
        claimed: Tuple[List[ClaimedTask], Optional[str]] = self.request(
            "POST", "/tasks/claim", body=body, wait=wait, read_text=_claim_of, **options
        )
        return claimed

    def complete(self, held: Held, output: Any = None, **options: Any) -> TaskStatus:
        """Reports success."""
        return self._post(held.eval_id, "complete", {"lease_id": held.lease_id, "output": output}, **options)

    def fail(self, held: Held, error: Optional[str] = None, **failure: Any) -> TaskStatus:
        """Reports failure: ``retryable``, ``retry_after``, ``exit_code``, ``outcome``."""
        options = {name: failure.pop(name) for name in _CALL_OPTIONS if name in failure}
        body = {"lease_id": held.lease_id, "error": error, **failure}
        return self._post(held.eval_id, "fail", body, **options)

    def report(self, held: Held, verb: str, content: bytes, **options: Any) -> TaskStatus:
        """Sends the end of an attempt whose body is JSON text already: ``complete`` or ``fail``."""
        read = _about(TaskStatus, held.eval_id)
        path = path_of(held.eval_id, verb)
        answer: TaskStatus = self.request("POST", path, content=content, read=read, **options)
        return answer

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
        path = path_of(held.eval_id, "heartbeat")
        kept: KeptLease = self.request("POST", path, body=body, read=KeptLease.from_json, **options)
        return kept

    def heartbeat_all(self, worker_id: str, held: Sequence[Held], **options: Any) -> List[Dict[str, Any]]:
        """Keeps many leases; each has its own result."""
        leases = [{"eval_id": each.eval_id, "lease_id": each.lease_id} for each in held]
        body = {"worker_id": worker_id, "leases": leases}
        results: List[Dict[str, Any]] = self.request(
            "POST", "/tasks/heartbeat", body=body, read=_heartbeats_of(leases), **options
        )
        return results

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Any call, with the same retries and errors; for what has no method of its own."""
        return self._transport.call(method, path, **options)

    def close(self) -> None:
        """Closes the connections that no call uses now; a later call opens one again."""
        self._transport.close()

    def _read_task(self, eval_id: str, **options: Any) -> Task:
        def read(text: bytes) -> Task:
            return _about(Task, eval_id)(task_of(text))

        task: Task = self.request("GET", path_of(eval_id), read_text=read, **options)
        return task

    def _post(self, eval_id: str, verb: str, body: Mapping[str, Any], **options: Any) -> TaskStatus:
        read = _about(TaskStatus, eval_id)
        path = path_of(eval_id, verb)
        answer: TaskStatus = self.request("POST", path, body=_without_none(body), read=read, **options)
        return answer


_CALL_OPTIONS = ("patience", "timeout", "is_stubborn", "breaker", "on_retry")


def _about(kind: Type[_About], eval_id: str) -> Callable[[Any], _About]:
    """Reads an answer about this task: one about another belongs to another call."""

    def read(answer: Any) -> _About:
        about = kind.from_json(answer)
        if about.eval_id != eval_id:
            raise ValueError("the answer is about another task")
        return about

    return read


def _heartbeats_of(leases: Sequence[Mapping[str, str]]) -> Callable[[Any], List[Dict[str, Any]]]:
    """Reads one result for each lease; each has a problem or a new interval."""

    def read(answer: Any) -> List[Dict[str, Any]]:
        results: List[Dict[str, Any]] = answer["results"]
        if sorted(each["index"] for each in results) != list(range(len(leases))):
            raise ValueError("the answer is not about these leases")
        for each in results:
            if isinstance(each.get("problem"), dict):
                continue
            if leases[each["index"]]["eval_id"] != each.get("eval_id"):
                raise ValueError("the answer is about another task")
            KeptLease.from_json(each)
        return results

    return read


def _claim_of(text: bytes) -> Tuple[List[ClaimedTask], Optional[str]]:
    """The tasks of a claim. One task whose payload cannot be parsed is handed out as such, beside the others."""
    try:
        answer = _object(read_json(text))
    except (ValueError, RecursionError):
        parts = parts_of(text)
        answer = {name: read_json(part) for name, part in parts.items() if name != "tasks"}
        answer["tasks"] = [task_of(each) for _, each in members_of(parts["tasks"])]
    if not isinstance(answer["tasks"], list):
        raise TypeError("tasks must be an array")
    return [ClaimedTask.from_json(each) for each in answer["tasks"]], answer.get("command")


def task_of(text: bytes) -> Dict[str, Any]:
    """A task with every field that can be parsed; ``unreadable`` says which cannot, and why."""
    try:
        return _object(read_json(text))
    except (ValueError, RecursionError):
        task: Dict[str, Any] = {}
        for name, part in parts_of(text).items():
            try:
                task[name] = read_json(part)
            except (ValueError, RecursionError) as error:
                task["unreadable"] = f"{name}: {error}"
        return task


def _object(answer: Any) -> Dict[str, Any]:
    if not isinstance(answer, dict):
        raise TypeError("the answer must be an object")
    return answer


def _parts_of(tasks: Iterable[Mapping[str, Any]]) -> Iterator[List[Dict[str, Any]]]:
    part: List[Dict[str, Any]] = []
    size = 0
    for task in map(_named, tasks):
        length = len(write_json(task)) + 1
        if part and (size + length > PART_BYTES or len(part) == PART_TASKS):
            yield part
            part, size = [], 0
        part.append(task)
        size += length
    if part:
        yield part


def _named(task: Mapping[str, Any]) -> Dict[str, Any]:
    return _without_none({**task, "eval_id": task.get("eval_id") or str(uuid.uuid4())})


def _without_none(fields: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def path_of(eval_id: str, verb: Optional[str] = None) -> str:
    """The address of a task, or of what can be done with it."""
    return path_to("tasks", eval_id) if verb is None else path_to("tasks", eval_id, verb)
