"""An attempt of a worker: the task, its lease by the steady clock, and its stop signal."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, Optional, Union

from .artifacts import Source
from .errors import TaskStopped
from .models import Artifact, ClaimedTask
from .payload import write_json
from .task_log import TaskLog

#: A lease lasts three intervals, so two heartbeats in a row may be lost.
INTERVALS = 3
#: Seconds between two progress reports of a task.
PROGRESS_SPACING = 1.0
#: Seconds. ``threading`` rejects waits beyond some hundred years, including infinity.
LONGEST_WAIT = 86_400.0
#: The service's maximum length of a progress message, in characters.
LONGEST_MESSAGE = 1000


class Running:
    """``since`` is a moment before the service granted the lease, by ``time.monotonic``."""

    def __init__(self, task: ClaimedTask, since: float, on_stop: Callable[["Running"], None]) -> None:
        self.task = task
        self.interval = 0.0
        #: The lease is valid at least until then.
        self.expires_at = 0.0
        self.beat_due_at = 0.0
        self.deadline = time.monotonic() + task.timeout
        self.stopped_at: Optional[float] = None
        #: The report of the end is pending. Its answer decides, not that of a heartbeat.
        self.is_reporting = False
        self._told_at = -PROGRESS_SPACING
        self._stopped: Optional[TaskStopped] = None
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._on_stop = on_stop
        #: The worker's log of this attempt.
        self.log: Optional[TaskLog] = None
        self._listeners: List[Callable[[], object]] = []
        #: Seconds between the stop signal and the moment at which the worker gives up on the handler.
        self.stop_limit = float("inf")
        self.keep(task.heartbeat_interval, since)

    @property
    def eval_id(self) -> str:
        return self.task.eval_id

    @property
    def lease_id(self) -> str:
        return self.task.lease_id

    @property
    def stopped(self) -> Optional[TaskStopped]:
        return self._stopped

    def keep(self, heartbeat_interval: float, since: float) -> None:
        """Extends the lease, counted at least from ``since``."""
        self.interval = heartbeat_interval
        # Answers can arrive out of order. The later heartbeat decides.
        self.expires_at = max(self.expires_at, since + INTERVALS * heartbeat_interval)
        self.beat_due_at = since + heartbeat_interval

    def stop(self, code: str, message: str, reason: Optional[str] = None) -> None:
        """Stops the handler. Later reasons are ignored."""
        with self._lock:
            if self._stopped is not None or self.is_reporting:
                return
            self._stopped = TaskStopped(code, message, reason)
            self.stopped_at = time.monotonic()
            listeners = [*self._listeners]
        self._event.set()
        for listener in listeners:
            listener()
        self._on_stop(self)

    def when_stopped(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Calls the listener when the handler must stop, at once if it must already. Returns how to forget it."""
        with self._lock:
            is_stopped = self._stopped is not None
            if not is_stopped:
                self._listeners.append(listener)
        if is_stopped:
            listener()

        def forget() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return forget

    def lose(self, reason: Optional[str]) -> None:
        """Ends the lease, unless the report of the end is pending."""
        if reason == "cancelled":
            self.stop("cancelled", f"Task {self.eval_id} was cancelled", reason)
        else:
            self.stop("lease_lost", f"The lease on task {self.eval_id} is lost: {reason or 'unknown'}", reason)

    def settle(self) -> bool:
        """True for the first caller, which reports the end."""
        with self._lock:
            is_first = not self.is_reporting
            self.is_reporting = True
        return is_first

    def wait(self, seconds: Optional[float]) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            left = LONGEST_WAIT if end is None else min(LONGEST_WAIT, end - time.monotonic())
            if self._event.wait(max(0.0, left)):
                return True
            if end is not None and time.monotonic() >= end:
                return False

    def raise_if_stopped(self) -> None:
        if self._stopped is not None:
            raise self._stopped

    def may_tell(self) -> bool:
        """Whether a progress report is due; True at most once a second."""
        with self._lock:
            now = time.monotonic()
            is_due = now - self._told_at >= PROGRESS_SPACING and self._stopped is None
            if is_due:
                self._told_at = now
        return is_due


class Context:
    """The handler's second argument."""

    def __init__(
        self,
        running: Running,
        tell: Callable[[Running, Dict[str, Any]], None],
        save: Callable[[Running, Any], None],
        put: Callable[..., Artifact],
        log: Callable[[Union[str, bytes]], None] = lambda _text: None,
    ) -> None:
        self._running = running
        self._tell = tell
        self._save = save
        self._put = put
        self._log = log

    @property
    def cancelled(self) -> bool:
        """Whether the handler must stop, for any reason. Check it often."""
        return self._running.stopped is not None

    @property
    def reason(self) -> Optional[TaskStopped]:
        """Why the handler must stop: its ``code`` is lease_lost, cancelled, deadline or shutdown."""
        return self._running.stopped

    def raise_if_cancelled(self) -> None:
        self._running.raise_if_stopped()

    @property
    def stop_limit(self) -> float:
        """Seconds that the handler has to end after it must stop. Then the worker gives up on it."""
        return self._running.stop_limit

    def when_stopped(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Calls the listener in another thread when the handler must stop, or here if it must already.

        The listener must return at once and raise nothing. Returns a function that forgets it.
        """
        return self._running.when_stopped(listener)

    def wait(self, seconds: Optional[float] = None) -> bool:
        """Sleeps; returns True as soon as the handler must stop."""
        return self._running.wait(seconds)

    def log(self, text: Union[str, bytes]) -> None:
        """Adds text, or bytes as they are, to the log of the attempt. Never raises.

        The worker sends it within a second, and before the result. Waits while too much is unsent.
        """
        self._log(text)

    def progress(self, percent: Optional[float] = None, message: Optional[str] = None) -> None:
        """Reports progress and extends the lease. Never raises.

        Sends at most one report a second and drops those in between. ``percent`` is limited to 0 to 100, ``message`` to
        1000 characters.
        """
        progress = progress_of(percent, message)
        if progress and self._running.may_tell():
            self._tell(self._running, progress)

    def put_artifact(
        self,
        source: Source,
        name: Optional[str] = None,
        *,
        content_type: Optional[str] = None,
    ) -> Artifact:
        """Stores a file, or bytes with a name, as an artifact of this attempt. Returns when it is durable.

        Raises LeaseLost when the attempt is over, and ApiError when the service refuses the artifact.
        """
        return self._put(self._running, source, name, content_type=content_type)

    def checkpoint(self, value: Any) -> None:
        """Saves any JSON value but None, of up to 64 KiB, which the next attempt gets as ``task.checkpoint``.

        Returns when it is durable, and extends the lease. Raises :class:`TaskStopped` when the handler must stop,
        :class:`InvalidRequest` for a value that the service rejects, and TypeError or ValueError for one without a JSON
        form.
        """
        if value is None:
            raise TypeError("None is not a checkpoint")
        write_json(value)
        self._save(self._running, value)


def progress_of(percent: Any, message: Any) -> Dict[str, Any]:
    """Keeps the part that the service accepts; a percent that is not a number is omitted."""
    given: Dict[str, Any] = {}
    if isinstance(percent, (int, float)) and percent == percent:
        given["percent"] = min(max(percent, 0), 100)
    if message is not None:
        try:
            given["message"] = str(message).encode("utf-8", "replace").decode()[:LONGEST_MESSAGE]
        except BaseException:
            given["message"] = f"({type(message).__name__})"
    return given
