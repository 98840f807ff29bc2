"""A drop-in queue for programs that use only the older half of the API."""

from __future__ import annotations

import collections
import threading
from typing import Any, Dict, Optional

from .client import FROM_ENVIRONMENT, ApiKey, Client, path_of, task_of
from .errors import ApiError, NotFound
from .models import ClaimedTask, TaskStatus

#: Maximum number of remembered leases. The oldest belong to tasks that the program never reports.
MOST_LEASES = 10_000


class RemoteTaskQueue:
    """The platform's queue, kept in the service: plain dictionaries in and out.

    It uses the part of the API that every version has and sends no heartbeats: a lease lasts the task's ``timeout``
    plus a grace. Each report carries the lease under which this object claimed the task, so a late report cannot end
    another worker's attempt.
    """

    def __init__(self, url: Optional[str] = None, api_key: ApiKey = FROM_ENVIRONMENT, **options: Any) -> None:
        self._client = Client(url, api_key, **options)
        self._leases: "collections.OrderedDict[str, str]" = collections.OrderedDict()
        self._lock = threading.Lock()

    def enqueue(
        self,
        eval_id: str,
        code: str,
        language: str = "python",
        engine: str = "docker",
        timeout: float = 30,
        priority: int = 1,
        **fields: Any,
    ) -> Dict[str, Any]:
        """Returns the answer to ``POST /tasks``: eval_id, status, position, …"""
        given = {"language": language, "engine": engine, "timeout": timeout, "priority": priority}
        return self._client.enqueue(code, eval_id=eval_id, **given, **fields).raw

    def get_next(self, wait: float = 0, **query: Any) -> Optional[Dict[str, Any]]:
        """Returns the next task, or None when no task is ready."""
        # Not repeated after a lost answer: the repeat would claim another task, and the first would wait for its lease
        # to end.
        task: Optional[Dict[str, Any]] = self._client.request(
            "GET",
            "/tasks/next",
            query={"wait": wait, **query},
            wait=wait,
            is_repeatable=False,
            read_text=_next_of,
        )
        if task is not None:
            with self._lock:
                self._leases.pop(task["eval_id"], None)
                self._leases[task["eval_id"]] = task["lease_id"]
                if len(self._leases) > MOST_LEASES:
                    self._leases.popitem(last=False)
        return task

    def complete(self, eval_id: str, output: Any = None) -> Dict[str, Any]:
        return self._report(eval_id, "complete", {} if output is None else {"output": output})

    def fail(self, eval_id: str, error: Optional[str] = None) -> Dict[str, Any]:
        return self._report(eval_id, "fail", {} if error is None else {"error": error})

    def status(self, eval_id: Optional[str] = None) -> Optional[Dict[str, Any]]:
        """Returns the counts of the queue, or with an id the task; None for an unknown task."""
        if eval_id is None:
            return self._client.status()
        try:
            return self._client.get(eval_id).raw
        except NotFound:
            return None

    def health(self) -> Dict[str, Any]:
        answer: Dict[str, Any] = self._client.request("GET", "/health", patience=0)
        return answer

    def _report(self, eval_id: str, verb: str, body: Dict[str, Any]) -> Dict[str, Any]:
        with self._lock:
            lease = self._leases.get(eval_id)
        held = {} if lease is None else {"lease_id": lease}
        try:
            answer = self._client.request(
                "POST", path_of(eval_id, verb), body={**body, **held}, read=TaskStatus.from_json
            )
        except ApiError as error:
            # The lease has ended or is unknown. The service would reject every later report under it.
            if error.status in (404, 409):
                self._forget(eval_id, lease)
            raise
        self._forget(eval_id, lease)
        raw: Dict[str, Any] = answer.raw
        return raw

    def _forget(self, eval_id: str, lease: Optional[str]) -> None:
        with self._lock:
            if self._leases.get(eval_id) == lease:
                self._leases.pop(eval_id, None)


def _next_of(text: bytes) -> Optional[Dict[str, Any]]:
    """Parses the next task; None for ``null``. A field that cannot be parsed is omitted."""
    if text.strip() == b"null":
        return None
    return ClaimedTask.from_json(task_of(text)).raw
