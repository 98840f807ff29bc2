"""One attempt that a worker carries out: the task, its lease by the steady clock, and why it is to stop."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Optional

from .errors import TaskStopped
from .models import ClaimedTask

#: A lease is three intervals long: two heartbeats in a row may be lost.
INTERVALS = 3
#: Seconds between two reports of progress of one task.
PROGRESS_SPACING = 1.0
#: Seconds: ``threading`` refuses waits beyond some hundred years, and "for ever" among them.
LONGEST_WAIT = 86_400.0
#: Characters that the service takes of a progress message.
LONGEST_MESSAGE = 1000


class Running:
    """``since`` is a moment before the service granted the lease, by ``time.monotonic``."""

    def __init__(self, task: ClaimedTask, since: float, on_stop: Callable[["Running"], None]) -> None:
        self.task = task
        self.interval = 0.0
        #: The lease holds until then at least.
        self.expires_at = 0.0
        self.beat_due_at = 0.0
        self.deadline = time.monotonic() + task.timeout
        self.stopped_at: Optional[float] = None
        #: Its end is on its way to the service, whose answer to that decides, not that to a heartbeat.
        self.is_reporting = False
        self._told_at = -PROGRESS_SPACING
        self._stopped: Optional[TaskStopped] = None
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._on_stop = on_stop
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
        """The lease goes on, from this moment on at least."""
        self.interval = heartbeat_interval
        # Answers may overtake each other: the later of two heartbeats decides.
        self.expires_at = max(self.expires_at, since + INTERVALS * heartbeat_interval)
        self.beat_due_at = since + heartbeat_interval

    def stop(self, code: str, message: str, reason: Optional[str] = None) -> None:
        """Only the first reason counts."""
        with self._lock:
            if self._stopped is not None or self.is_reporting:
                return
            self._stopped = TaskStopped(code, message, reason)
            self.stopped_at = time.monotonic()
        self._event.set()
        self._on_stop(self)

    def lose(self, reason: Optional[str]) -> None:
        """The lease is over, unless the end of the work is being reported."""
        if reason == "cancelled":
            self.stop("cancelled", f"Task {self.eval_id} was cancelled", reason)
        else:
            self.stop("lease_lost", f"The lease on task {self.eval_id} is lost: {reason or 'unknown'}", reason)

    def settle(self) -> bool:
        """True for the one that reports how it ended."""
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

    def may_tell(self) -> bool:
        """Whether a report of progress is due; True at most once a second."""
        with self._lock:
            now = time.monotonic()
            is_due = now - self._told_at >= PROGRESS_SPACING and self._stopped is None
            if is_due:
                self._told_at = now
        return is_due


class Context:
    """What a handler is given beside its task."""

    def __init__(self, running: Running, tell: Callable[[Running, Dict[str, Any]], None]) -> None:
        self._running = running
        self._tell = tell

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop, for whatever reason: look at it often."""
        return self._running.stopped is not None

    @property
    def reason(self) -> Optional[TaskStopped]:
        """Why: its ``code`` is lease_lost, cancelled, deadline or shutdown."""
        return self._running.stopped

    def raise_if_cancelled(self) -> None:
        if self._running.stopped is not None:
            raise self._running.stopped

    def wait(self, seconds: Optional[float] = None) -> bool:
        """Sleeps; True as soon as the work is to stop."""
        return self._running.wait(seconds)

    def progress(self, percent: Optional[float] = None, message: Optional[str] = None) -> None:
        """Shows how far the work is, and keeps the lease. Never raises.

        Sends one report a second at most; what comes in between is dropped. ``percent`` is cut to 0 to 100, ``message``
        to 1000 characters.
        """
        progress = progress_of(percent, message)
        if progress and self._running.may_tell():
            self._tell(self._running, progress)


def progress_of(percent: Any, message: Any) -> Dict[str, Any]:
    """What the service takes of it; a percent that is no number is left out."""
    given: Dict[str, Any] = {}
    if isinstance(percent, (int, float)) and percent == percent:
        given["percent"] = min(max(percent, 0), 100)
    if message is not None:
        try:
            given["message"] = str(message).encode("utf-8", "replace").decode()[:LONGEST_MESSAGE]
        except BaseException:
            given["message"] = f"({type(message).__name__})"
    return given
