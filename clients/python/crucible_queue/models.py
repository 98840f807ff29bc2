"""The service's answers as objects. Fields of later versions are in ``raw``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

_Model = TypeVar("_Model", bound="Model")
_Kind = Union[type, Tuple[type, ...]]
_NUMBER = (int, float)
#: Valid heartbeat intervals in seconds. Leases last from a second to a month; other values would flood the service or
#: lose the lease.
SHORTEST_INTERVAL = 0.1
LONGEST_INTERVAL = 31_622_400.0

ENDED = frozenset(("completed", "failed", "cancelled", "expired"))


@dataclass
class Model:
    #: The unchanged answer.
    raw: Dict[str, Any] = field(default_factory=dict, repr=False)

    #: Required members of the answer and their types.
    _required: ClassVar[Mapping[str, _Kind]] = {}

    @classmethod
    def from_json(cls: Type[_Model], answer: Mapping[str, Any]) -> _Model:
        """Raises TypeError for an answer without the required members."""
        if not isinstance(answer, dict):
            raise TypeError(f"{cls.__name__} must be an object")
        for name, kind in cls._required.items():
            value = answer.get(name)
            if not isinstance(value, kind) or isinstance(value, bool) or value == "":
                raise TypeError(f"{cls.__name__} has no valid {name}")
        known = {each.name for each in dataclasses.fields(cls)} - {"raw"}
        return cls(raw=dict(answer), **{name: value for name, value in answer.items() if name in known})


@dataclass
class TaskStatus(Model):
    _required = {"eval_id": str, "status": str}

    eval_id: str = ""
    status: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether the state is final. Only a redrive can change it."""
        return self.status in ENDED


@dataclass
class Artifact(Model):
    """A file that an attempt left."""

    _required = {"name": str, "sha256": str}

    name: str = ""
    size: int = 0
    #: In hexadecimal digits.
    sha256: str = ""
    content_type: str = ""
    attempt: int = 0
    created_at: str = ""


@dataclass
class EnqueuedTask(TaskStatus):
    position: Optional[int] = None
    queue: str = "default"
    priority: int = 1
    queued_at: str = ""
    run_at: Optional[str] = None
    message: str = ""


@dataclass
class Task(EnqueuedTask):
    """A task's current state."""

    language: str = ""
    engine: str = ""
    timeout: float = 0
    group: Optional[str] = None
    requires: Optional[Dict[str, str]] = None
    batch_id: Optional[str] = None
    attempt: int = 0
    max_attempts: int = 1
    failures: int = 0
    max_interruptions: int = 0
    interruptions: int = 0
    ready_at: Optional[str] = None
    expires_at: Optional[str] = None
    deadline_at: Optional[str] = None
    started_at: Optional[str] = None
    finished_at: Optional[str] = None
    worker_id: Optional[str] = None
    lease_expires_at: Optional[str] = None
    progress: Optional[Dict[str, Any]] = None
    outcome: Optional[str] = None
    error: Optional[str] = None
    exit_code: Optional[int] = None
    cause: Optional[str] = None
    sequence: int = 0
    metadata: Optional[Dict[str, Any]] = None


@dataclass
class ClaimedTask(TaskStatus):
    """A claimed task with its payload and lease."""

    _required = {
        "eval_id": str,
        "lease_id": str,
        "timeout": _NUMBER,
        "heartbeat_interval": _NUMBER,
    }

    language: str = ""
    engine: str = ""
    timeout: float = 0
    priority: int = 1
    queue: str = "default"
    queued_at: str = ""
    group: Optional[str] = None
    requires: Optional[Dict[str, str]] = None
    batch_id: Optional[str] = None
    attempt: int = 1
    max_attempts: int = 1
    max_interruptions: int = 0
    worker_id: Optional[str] = None
    lease_id: str = ""
    lease_expires_at: str = ""
    heartbeat_interval: float = 0
    traceparent: Optional[str] = None
    #: When all attempts must be over.
    deadline_at: Optional[str] = None
    #: What an earlier attempt saved with ``context.checkpoint``, and the number of that attempt.
    checkpoint: Any = None
    checkpoint_attempt: Optional[int] = None
    metadata: Optional[Dict[str, Any]] = None
    code: str = ""
    #: Why the payload cannot be parsed, if so. The worker fails such a task without running it.
    unreadable: Optional[str] = None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> "ClaimedTask":
        task = super().from_json(answer)
        _require_interval(task.heartbeat_interval)
        if not 0 < task.timeout < float("inf"):
            raise ValueError("ClaimedTask has no valid timeout")
        if not isinstance(answer.get("code"), str) and task.unreadable is None:
            raise TypeError("ClaimedTask has no valid code")
        return task


@dataclass
class Attempt(Model):
    _required = {"attempt": int, "outcome": str}

    attempt: int = 0
    worker_id: Optional[str] = None
    started_at: str = ""
    ended_at: str = ""
    outcome: str = ""
    error: Optional[str] = None
    exit_code: Optional[int] = None
    cause: Optional[str] = None
    #: The last progress that the worker reported.
    progress: Optional[Dict[str, Any]] = None


@dataclass
class KeptLease(Model):
    _required = {"heartbeat_interval": _NUMBER}

    lease_expires_at: str = ""
    command: Optional[str] = None
    heartbeat_interval: float = 0

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> "KeptLease":
        kept = super().from_json(answer)
        _require_interval(kept.heartbeat_interval)
        return kept


@dataclass
class Batch(Model):
    """The answer to a call on many tasks; each of ``results`` has a ``problem`` or the state of its task."""

    _required = {"batch_id": str, "accepted": int, "rejected": int, "results": list}

    batch_id: str = ""
    accepted: int = 0
    rejected: int = 0
    results: List[Dict[str, Any]] = field(default_factory=list)


@dataclass
class BatchState(Model):
    """A batch's current state."""

    _required = {"batch_id": str, "status": str}

    batch_id: str = ""
    #: running, or done when all of its tasks have ended.
    status: str = ""
    total: int = 0
    pending: int = 0
    #: Tasks by state.
    counts: Dict[str, int] = field(default_factory=dict)
    created_at: Optional[str] = None
    done_at: Optional[str] = None
    cancelled_at: Optional[str] = None
    callback_url: Optional[str] = None
    max_failures: Optional[int] = None

    @property
    def is_done(self) -> bool:
        return self.status == "done"

    @property
    def is_ended(self) -> bool:
        """The same, under the name that tasks use."""
        return self.is_done


@dataclass
class Queue(Model):
    """The settings and counts of a queue."""

    _required = {"queue": str}

    queue: str = ""
    paused: bool = False
    max_depth: Optional[int] = None
    max_concurrency: Optional[int] = None
    max_concurrency_per_group: Optional[int] = None
    rate_limit: Optional[Dict[str, float]] = None
    priority_ageing: Optional[float] = None
    stats: Dict[str, Any] = field(default_factory=dict)


@dataclass
class Schedule(Model):
    _required = {"schedule_id": str}

    schedule_id: str = ""
    cron: str = ""
    timezone: str = "UTC"
    catch_up: str = "skip"
    paused: bool = False
    queue: str = "default"
    created_at: str = ""
    updated_at: str = ""
    last_due_at: Optional[str] = None
    last_eval_id: Optional[str] = None
    next_due_at: List[str] = field(default_factory=list)
    task: Optional[Dict[str, Any]] = None


@dataclass
class WorkerState(Model):
    """A worker as the service sees it. Some fields are only filled in lists."""

    _required = {"worker_id": str}

    worker_id: str = ""
    #: busy, idle, silent (holds tasks but misses heartbeats) or gone; empty from older services.
    state: str = ""
    #: active, or draining: the worker gets no more tasks.
    status: str = ""
    first_seen_at: str = ""
    last_seen_at: str = ""
    queues: List[str] = field(default_factory=list)
    held_tasks: List[str] = field(default_factory=list)
    held: int = 0
    completed: int = 0
    failed: int = 0
    lost: int = 0


def _require_interval(seconds: float) -> None:
    if not SHORTEST_INTERVAL <= seconds <= LONGEST_INTERVAL:
        raise ValueError("heartbeat_interval is out of range")
