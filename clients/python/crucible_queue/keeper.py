"""The threads that extend all leases of a worker."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, Set

from .client import Client
from .errors import ApiError, ClientError, InvalidRequest, LeaseLost, api_error
from .running import LONGEST_WAIT, Running

#: Seconds before an unanswered heartbeat is repeated: half an interval within these bounds, and at most one interval.
SHORTEST_RETRY = 1.5
LONGEST_RETRY = 2.0
#: Maximum number of leases per heartbeat.
LARGEST_BEAT = 1000
#: The shortest delay in seconds worth reporting, for very short intervals.
UNWORTHY_DELAY = 0.5


class LateHeartbeat(ClientError):
    """A heartbeat is long overdue because the handlers leave the other threads no time."""

    code = "late_heartbeat"


class Keeper:
    """Sends heartbeats for all held leases, and stops a handler whose lease or time has ended by the steady clock.

    Heartbeats have their own thread, so an unanswered one delays no deadline. Both threads run until ``close``,
    whatever the service answers.
    """

    def __init__(
        self,
        client: Client,
        worker_id: str,
        *,
        on_drain: Callable[[], None],
        on_error: Callable[[Exception], None],
        on_answer: Callable[[], None],
        on_abandoned: Callable[[Running], None],
        abandon_after: float,
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._on_drain = on_drain
        self._on_error = on_error
        self._on_answer = on_answer
        self._on_abandoned = on_abandoned
        self._abandon_after = abandon_after
        self._held: Set[Running] = set()
        self._changed = threading.Condition()
        self._is_closed = False
        #: The last heartbeat was not answered. Progress reports wait for an answer.
        self._is_unanswered = False

    def start(self) -> None:
        for turn in (self._watch, self._beat_when_due):
            name = f"crucible{turn.__name__}"
            threading.Thread(target=self._go_on, args=(turn,), name=name, daemon=True).start()

    def add(self, running: Running) -> None:
        with self._changed:
            self._held.add(running)
            self._changed.notify_all()

    def remove(self, running: Running) -> None:
        with self._changed:
            self._held.discard(running)
            self._changed.notify_all()

    def stopped(self, running: Running) -> None:
        """Starts the time limit of a handler that was signalled to stop."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def tell(self, running: Running, progress: Dict[str, Any]) -> None:
        """Reports progress with a heartbeat. Never raises."""
        if self._is_unanswered:
            return
        try:
            self._beat_once(running, progress=progress)
        except InvalidRequest as error:
            self._on_error(error)

    def save(self, running: Running, checkpoint: Any) -> None:
        """Saves a checkpoint with a heartbeat, and repeats it until the service answers or the handler must stop."""
        while True:
            running.raise_if_stopped()
            if self._beat_once(running, checkpoint=checkpoint):
                return
            running.wait(_retry_after(running.interval))

    def _beat_once(self, running: Running, **given: Any) -> bool:
        """Sends one heartbeat; returns whether the service accepted it. Raises InvalidRequest."""
        sent_at = time.monotonic()
        try:
            kept = self._client.heartbeat(running, patience=0, timeout=running.interval, **given)
        except InvalidRequest:
            raise
        except LeaseLost as error:
            running.lose(error.reason)
            return False
        except Exception as error:
            if isinstance(error, ApiError) and error.code == "task_not_found":
                running.lose("cleared")
            else:
                self._is_unanswered = True
                self._on_error(error)
            return False
        running.keep(kept.heartbeat_interval, sent_at)
        if kept.command == "drain":
            self._on_drain()
        return True

    def _go_on(self, turn: Callable[[], None]) -> None:
        while not self._is_closed:
            try:
                turn()
            except Exception as error:
                # An error of one turn must not end the heartbeats of all tasks.
                self._on_error(error)
                with self._changed:
                    self._changed.wait(SHORTEST_RETRY)

    def _watch(self) -> None:
        """Watches the clock: leases, deadlines, and handlers that ignore their signal."""
        with self._changed:
            held = list(self._held)
        now = time.monotonic()
        for running in held:
            self._look_at(running, now)
        with self._changed:
            moments = [self._next_moment(running) for running in self._held if not running.is_reporting]
            pause = max(0.0, min(moments) - time.monotonic()) if moments else LONGEST_WAIT
            if not self._is_closed and pause > 0:
                self._changed.wait(min(pause, LONGEST_WAIT))

    def _look_at(self, running: Running, now: float) -> None:
        if running.stopped_at is not None:
            if running.stopped_at + self._abandon_after <= now and not running.is_reporting:
                self._on_abandoned(running)
        elif running.expires_at <= now:
            running.lose("expired")
        elif running.deadline <= now:
            running.stop("deadline", f"Task {running.eval_id} ran for longer than {running.task.timeout} s")

    def _next_moment(self, running: Running) -> float:
        if running.stopped_at is not None:
            return running.stopped_at + self._abandon_after
        return min(running.expires_at, running.deadline)

    def _beat_when_due(self) -> None:
        with self._changed:
            due = min((running.beat_due_at for running in self._held), default=None)
            pause = LONGEST_WAIT if due is None else due - time.monotonic()
            if pause > 0:
                if not self._is_closed:
                    self._changed.wait(min(pause, LONGEST_WAIT))
                return
            held = sorted(self._held, key=lambda running: running.beat_due_at)[:LARGEST_BEAT]
        self._look_for_delay(held[0])
        self._beat(held)

    def _look_for_delay(self, running: Running) -> None:
        delay = time.monotonic() - running.beat_due_at
        if delay > max(UNWORTHY_DELAY, running.interval / 2):
            self._on_error(
                LateHeartbeat(
                    f"A heartbeat was {delay:.1f} s late and leases last {3 * running.interval:g} s: a handler keeps the "
                    "other threads from running; use Worker(processes=True), or a longer lease"
                )
            )

    def _beat(self, held: List[Running]) -> None:
        sent_at = time.monotonic()
        interval = min(running.interval for running in held)
        try:
            results = self._client.heartbeat_all(self._worker_id, held, patience=0, timeout=interval)
        except Exception as error:
            self._is_unanswered = True
            self._on_error(error)
            retry_at = time.monotonic() + _retry_after(interval)
            for running in held:
                running.beat_due_at = retry_at
            return
        self._is_unanswered = False
        self._on_answer()
        for result in results:
            self._take(result, held[result["index"]], sent_at)
        with self._changed:
            self._changed.notify_all()

    def _take(self, result: Dict[str, Any], running: Running, sent_at: float) -> None:
        problem = result.get("problem")
        if problem is None:
            running.keep(result["heartbeat_interval"], sent_at)
            if result.get("command") == "drain":
                self._on_drain()
            return
        # A lost or reporting task needs no heartbeat until its handler or report has ended.
        running.beat_due_at = sent_at + running.interval
        if problem.get("code") == "lease_lost":
            running.lose(problem.get("reason"))
        elif problem.get("code") == "task_not_found":
            running.lose("cleared")
        else:
            self._on_error(api_error(problem.get("status", 500), problem))


def _retry_after(interval: float) -> float:
    """Seconds before an unanswered heartbeat is repeated."""
    return min(interval, LONGEST_RETRY, max(SHORTEST_RETRY, interval / 2))
