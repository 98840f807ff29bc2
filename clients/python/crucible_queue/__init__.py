"""Client and worker for the Crucible task queue."""

from .artifacts import Held
from .async_worker import AsyncContext, AsyncWorker
from .client import Client
from .downloads import Download
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
    UnexpectedAnswer,
    WaitTimeout,
)
from .models import (
    Artifact,
    Attempt,
    Batch,
    BatchState,
    ClaimedTask,
    EnqueuedTask,
    KeptLease,
    Queue,
    Schedule,
    Task,
    TaskStatus,
    WorkerState,
)
from .remote_task_queue import RemoteTaskQueue
from .running import Context
from .subprocesses import Finished, run_subprocess
from .worker import Event, Summary, Worker

__all__ = [
    "ApiError",
    "Artifact",
    "AsyncContext",
    "AsyncWorker",
    "Attempt",
    "AttemptFailed",
    "Batch",
    "BatchState",
    "ClaimedTask",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Context",
    "Download",
    "EnqueuedTask",
    "Event",
    "Finished",
    "Forbidden",
    "Held",
    "Interrupted",
    "InvalidRequest",
    "KeptLease",
    "LeaseLost",
    "NotFound",
    "PermanentError",
    "Queue",
    "RemoteTaskQueue",
    "RetryLater",
    "Schedule",
    "Summary",
    "Task",
    "TaskStatus",
    "TaskStopped",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "WaitTimeout",
    "Worker",
    "WorkerState",
    "run_subprocess",
]
