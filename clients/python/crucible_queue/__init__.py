"""Client and worker for the Crucible task queue."""

from .client import Client, Held
from .errors import (
    ApiError,
    AttemptFailed,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Interrupted,
    InvalidRequest,
    LeaseLost,
    NotFound,
    PermanentError,
    RetryLater,
    TaskStopped,
    Unauthorized,
    Unavailable,
    WaitTimeout,
)
from .models import Attempt, Batch, ClaimedTask, EnqueuedTask, KeptLease, Task, TaskStatus
from .remote_task_queue import RemoteTaskQueue
from .running import Context
from .worker import Event, Summary, Worker

__all__ = [
    "ApiError",
    "Attempt",
    "AttemptFailed",
    "Batch",
    "ClaimedTask",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Context",
    "EnqueuedTask",
    "Event",
    "Forbidden",
    "Held",
    "Interrupted",
    "InvalidRequest",
    "KeptLease",
    "LeaseLost",
    "NotFound",
    "PermanentError",
    "RemoteTaskQueue",
    "RetryLater",
    "Summary",
    "Task",
    "TaskStatus",
    "TaskStopped",
    "Unauthorized",
    "Unavailable",
    "WaitTimeout",
    "Worker",
]
