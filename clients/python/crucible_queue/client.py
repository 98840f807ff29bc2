"""The HTTP API as methods."""

from __future__ import annotations

import enum
import os
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
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .artifacts import ArtifactCalls, Held, Source
from .models import Artifact, Attempt, Batch, ClaimedTask, EnqueuedTask, KeptLease, Task, TaskStatus
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

#: In order of preference, or by weight: ``{"a": 3, "b": 1}``.
Queues = Union[Sequence[str], Mapping[str, float]]

class Default(enum.Enum):
    ENVIRONMENT = "the environment"


#: The key of ``QUEUE_API_KEY``, if it is set.
FROM_ENVIRONMENT = Default.ENVIRONMENT
ApiKey = Union[str, None, Default]
DEFAULT_URL = "http://127.0.0.1:8081"

#: Limits of one request of ``enqueue_all``: bytes (half of the service's default limit) and tasks.
PART_BYTES = 1024 * 1024
PART_TASKS = 500

_About = TypeVar("_About", bound=TaskStatus)


class Client:
    """A client of the HTTP API. Safe to share between threads.

    The client repeats calls to an unreachable, overloaded or restarting service for ``patience`` seconds. Nearly every
    call can safely be sent twice. ``redrive``, ``remove`` and ``clear`` are repeated only when the service reports that
    it did not perform them.

    ``url`` is ``QUEUE_URL`` by default, and ``http://127.0.0.1:8081`` without it. ``api_key`` is ``QUEUE_API_KEY`` by
    default; None sends no key.

    ``longest_answer`` is the maximum number of bytes of a response; a longer one counts as no answer. The default is
    256 MiB, enough for a claim of the 100 largest tasks that the service accepts by default. Raises ValueError.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        api_key: ApiKey = FROM_ENVIRONMENT,
        *,
        request_timeout: float = 15.0,
        patience: float = 30.0,
        longest_answer: int = LONGEST_ANSWER,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._transport = Transport(
            url or os.environ.get("QUEUE_URL") or DEFAULT_URL,
            _key_of(api_key),
            request_timeout=request_timeout,
            patience=patience,
            longest_answer=longest_answer,
            tls=tls,
        )
        self.artifacts = ArtifactCalls(self.request, self._transport.download)
        self.batches = BatchCalls(self.request)
        self.queues = QueueCalls(self.request)
        self.schedules = ScheduleCalls(self.request)
        self.workers = WorkerCalls(self.request)

    def enqueue(self, code: str, *, eval_id: Optional[str] = None, **fields: Any) -> EnqueuedTask:
        """Returns when the task is on disk. ``fields`` are those of ``POST /tasks``: timeout, priority, queue, …

        Without ``eval_id`` the client generates one, so that a repeated call creates one task.
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
        """Enqueues up to 1000 tasks in one durable commit, with one result per task.

        Reusing a ``batch_id`` adds tasks to it.
        """
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
        accepts the options of :meth:`batch`.
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
        """Returns the task when it has ended; raises :class:`WaitTimeout`."""


        def read(poll: float) -> Task:
            return self._read_task(eval_id, query={"wait": poll}, wait=poll)

        return wait_for_end(read, f"Task {eval_id}", timeout)

    def cancel(self, eval_id: str, reason: Optional[str] = None) -> TaskStatus:
        """Cancels the task at once, even while a worker holds it."""
        return self._post(eval_id, "cancel", {"reason": reason})

    def reprioritize(self, eval_id: str, priority: int) -> EnqueuedTask:
        """Changes the priority of a waiting task, which keeps its place by age."""
        read = _about(EnqueuedTask, eval_id)
        answer: EnqueuedTask = self.request("POST", path_of(eval_id, "priority"), body={"priority": priority}, read=read)
        return answer

    def output(self, eval_id: str) -> Any:
        """Returns the task's output. Whole numbers keep all their digits."""
        return self.request("GET", path_of(eval_id, "output"))

    def attempts(self, eval_id: str) -> List[Attempt]:
        """Returns the finished attempts, oldest first."""
        read = list_of(Attempt, "attempts")
        answer: List[Attempt] = self.request("GET", path_of(eval_id, "attempts"), read=read)
        return answer

    def put_artifact(
        self, held: Held, source: Source, name: Optional[str] = None, *, content_type: Optional[str] = None
    ) -> Artifact:
        """The same as ``artifacts.put``."""
        return self.artifacts.put(held, source, name, content_type=content_type)

    def list(self, **filters: Any) -> Iterator[Task]:
        """Yields all matching tasks, newest first, page by page: status, queue, batch_id, worker_id, limit, …"""
        first: Optional[str] = filters.pop("cursor", None)
        return pages(self.request, "/tasks", (Task, "tasks"), {**filters, "cursor": first})

    def dead_letters(self, **filters: Any) -> Iterator[Task]:
        """Yields failed and expired tasks, newest first."""
        return self.list(**{**filters, "status": ("failed", "expired")})

    def redrive(self, eval_id: str, *, reset: bool = False) -> EnqueuedTask:
        """Returns a dead letter to its queue. Its next attempt gets its checkpoint, unless ``reset`` drops it."""
        read = _about(EnqueuedTask, eval_id)
        path = path_of(eval_id, "redrive")
        answer: EnqueuedTask = self.request(
            "POST", path, body={"reset": True} if reset else {}, is_repeatable=False, read=read
        )
        return answer

    def remove(self, eval_id: str) -> None:
        """Removes a task that has ended."""
        self.request("DELETE", path_of(eval_id), is_repeatable=False)

    def clear(self, *, all: bool = False, **filters: Any) -> int:
        """Removes every task that matches ``queue`` and ``status``, including held ones, and returns their number.

        Without a filter it requires ``all=True``. Raises ValueError for an empty filter or None, and TypeError for an
        unknown filter, before any removal.
        """
        query = removal_query(filters, is_all=all)
        read = number_in("tasks_removed")
        return int(self.request("DELETE", "/tasks", query=query, is_repeatable=False, read=read))

    def status(self) -> Dict[str, Any]:
        """Returns counts of tasks, in total and by queue."""
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
        """Claims tasks. A repeated call with the same ``claim_id`` returns the same tasks."""
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
        repeat_wait: Optional[float] = None,
        **options: Any,
    ) -> Tuple[List[ClaimedTask], Optional[str]]:
        """The same, plus ``"drain"`` when the service asks this worker to claim no more tasks.

        ``repeat_wait`` replaces ``wait`` when the call is repeated.
        """
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
        repeated = None if repeat_wait is None else {**body, "wait": repeat_wait}
        claimed: Tuple[List[ClaimedTask], Optional[str]] = self.request(
            "POST", "/tasks/claim", body=body, repeat_body=repeated, wait=wait, read_text=_claim_of, **options
        )
        return claimed

    def complete(self, held: Held, output: Any = None, **options: Any) -> TaskStatus:
        """Reports success."""
        return self._post(held.eval_id, "complete", {"lease_id": held.lease_id, "output": output}, **options)

    def fail(self, held: Held, error: Optional[str] = None, **failure: Any) -> TaskStatus:
        """Reports failure: ``retryable``, ``retry_after``, ``exit_code``, ``outcome``, ``cause``,
        ``checkpoint``."""
        options = {name: failure.pop(name) for name in _CALL_OPTIONS if name in failure}
        body = {"lease_id": held.lease_id, "error": error, **failure}
        return self._post(held.eval_id, "fail", body, **options)

    def report(self, held: Held, verb: str, content: bytes, **options: Any) -> TaskStatus:
        """Reports the end of an attempt, ``complete`` or ``fail``, with a body that is JSON text."""
        read = _about(TaskStatus, held.eval_id)
        path = path_of(held.eval_id, verb)
        answer: TaskStatus = self.request("POST", path, content=content, read=read, **options)
        return answer

    def release(
        self,
        held: Held,
        *,
        delay: Optional[float] = None,
        reason: Optional[str] = None,
        cause: Optional[str] = None,
        checkpoint: Any = None,
        **options: Any,
    ) -> TaskStatus:
        """Returns a task unfinished to its queue; no budget is spent."""
        given = {"delay": delay, "reason": reason, "cause": cause, "checkpoint": checkpoint}
        body = {"lease_id": held.lease_id, **given}
        return self._post(held.eval_id, "release", body, **options)

    def heartbeat(
        self,
        held: Held,
        *,
        extend: Optional[float] = None,
        progress: Optional[Mapping[str, Any]] = None,
        checkpoint: Any = None,
        **options: Any,
    ) -> KeptLease:
        """Extends a lease, and saves a checkpoint unless it is None; raises :class:`LeaseLost`."""
        given = {"extend": extend, "progress": progress, "checkpoint": checkpoint}
        body = _without_none({"lease_id": held.lease_id, **given})
        path = path_of(held.eval_id, "heartbeat")
        kept: KeptLease = self.request("POST", path, body=body, read=KeptLease.from_json, **options)
        return kept

    def heartbeat_all(
        self,
        worker_id: str,
        held: Sequence[Held],
        *,
        beats: Optional[Mapping[str, Mapping[str, Any]]] = None,
        **options: Any,
    ) -> List[Dict[str, Any]]:
        """Extends many leases, with one result per lease.

        ``beats`` has what to report of some tasks, by ``eval_id``: progress, a checkpoint. An item without a problem is
        durable.
        """
        leases = [
            {**_without_none((beats or {}).get(each.eval_id, {})), "eval_id": each.eval_id, "lease_id": each.lease_id}
            for each in held
        ]
        body = {"worker_id": worker_id, "leases": leases}
        results: List[Dict[str, Any]] = self.request(
            "POST", "/tasks/heartbeat", body=body, read=_heartbeats_of(leases), **options
        )
        return results

    def append_log(self, held: Held, offset: int, content: bytes, **options: Any) -> int:
        """Appends to the log of an attempt, durably; returns the bytes that the attempt has sent.

        ``offset`` is the number of bytes that it sent before these, so a repeated chunk changes nothing. Raises
        :class:`LeaseLost`, or :class:`Conflict` with the code ``log_offset`` for a chunk that does not continue the log.
        """
        headers = {"X-Lease-Id": held.lease_id, "Content-Type": "application/octet-stream"}
        size: int = self.request(
            "POST",
            path_of(held.eval_id, "log"),
            query={"offset": offset},
            content=content,
            headers=headers,
            read=number_in("size"),
            **options,
        )
        return size

    def read_log(self, eval_id: str, attempt: Optional[int] = None, **options: Any) -> bytes:
        """Reads the kept log of an attempt, by default the latest."""
        path = path_of(eval_id, "log")
        content: bytes = self.request("GET", path, query={"attempt": attempt}, read_text=bytes, **options)
        return content

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Sends any call, with the same retries and errors. For endpoints without their own method."""
        return self._transport.call(method, path, **options)

    def close(self) -> None:
        """Closes the idle connections. A later call opens a new one."""
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


def _key_of(given: ApiKey) -> Optional[str]:
    if isinstance(given, Default):
        return os.environ.get("QUEUE_API_KEY", "").strip() or None
    return given


_CALL_OPTIONS = ("patience", "timeout", "is_stubborn", "breaker", "on_retry")


def _about(kind: Type[_About], eval_id: str) -> Callable[[Any], _About]:
    """Requires an answer about this task. An answer about another task belongs to another call."""

    def read(answer: Any) -> _About:
        about = kind.from_json(answer)
        if about.eval_id != eval_id:
            raise ValueError("the answer is about another task")
        return about

    return read


def _heartbeats_of(leases: Sequence[Mapping[str, Any]]) -> Callable[[Any], List[Dict[str, Any]]]:
    """Requires one result per lease: a problem or a new interval."""

    def read(answer: Any) -> List[Dict[str, Any]]:
        results: List[Dict[str, Any]] = answer["results"]
        if sorted(each["index"] for each in results) != list(range(len(leases))):
            raise ValueError("the answer does not match the leases")
        for each in results:
            if isinstance(each.get("problem"), dict):
                continue
            if leases[each["index"]]["eval_id"] != each.get("eval_id"):
                raise ValueError("the answer is about another task")
            KeptLease.from_json(each)
        return results

    return read


def _claim_of(text: bytes) -> Tuple[List[ClaimedTask], Optional[str]]:
    """Parses the tasks of a claim.

    A task whose payload cannot be parsed is returned with ``unreadable``, beside the others.
    """
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
    """Parses as many fields of a task as possible; ``unreadable`` names the others and the reason."""
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
    """The path of a task, or of an action on it."""
    return path_to("tasks", eval_id) if verb is None else path_to("tasks", eval_id, verb)
