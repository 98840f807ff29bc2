"""One thread that keeps all leases of a worker."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, Set

from .client import Client
from .errors import ClientError, LeaseLost, NotFound, api_error
from .running import Running

SHORTEST_RETRY = 0.1
LONGEST_RETRY = 2.0


class Keeper:
    """Beats for all held leases at once, and stops the work whose lease or time has run out by the steady clock.

    The beats have a thread of their own: an answer that does not come holds up no clock.
    """

    def __init__(
        self,
        client: Client,
        worker_id: str,
        *,
        on_drain: Callable[[], None],
        on_error: Callable[[ClientError], None],
        on_abandoned: Callable[[Running], None],
        abandon_after: float,
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._on_drain = on_drain
        self._on_error = on_error
        self._on_abandoned = on_abandoned
        self._abandon_after = abandon_after
        self._held: Set[Running] = set()
        self._changed = threading.Condition()
        self._is_closed = False

    def start(self) -> None:
        for target in (self._watch, self._beat_on):
            threading.Thread(target=target, name=f"crucible{target.__name__}", daemon=True).start()

    def add(self, running: Running) -> None:
        with self._changed:
            self._held.add(running)
            self._changed.notify_all()

    def remove(self, running: Running) -> None:
        with self._changed:
            self._held.discard(running)
            self._changed.notify_all()

    def stopped(self, running: Running) -> None:
        """A running task was told to stop: its handler has only so long."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def tell(self, running: Running, progress: Dict[str, Any]) -> None:
        if running.stopped is not None:
            return
        sent_at = time.monotonic()
        try:
            kept = self._client.heartbeat(
                running, progress=progress, patience=0, timeout=running.interval
            )
        except LeaseLost as error:
            running.lose(error.reason)
        except NotFound:
            running.lose("cleared")
        except ClientError as error:
            self._on_error(error)
        else:
            running.keep(kept.heartbeat_interval, sent_at)
            if kept.command == "drain":
                self._on_drain()

    def _watch(self) -> None:
        """The clock: leases, deadlines, and handlers that do not end."""
        while True:
            with self._changed:
                if self._is_closed:
                    return
                held = list(self._held)
            now = time.monotonic()
            for running in held:
                self._look_at(running, now)
            with self._changed:
                moments = [self._next_moment(running) for running in self._held if not running.is_reporting]
                pause = max(0.0, min(moments) - time.monotonic()) if moments else None
                if not self._is_closed and (pause is None or pause > 0):
                    self._changed.wait(pause)

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

    def _beat_on(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    break
                due = min((running.beat_due_at for running in self._held), default=None)
                pause = None if due is None else due - time.monotonic()
                if pause is None or pause > 0:
                    self._changed.wait(pause)
                    continue
                held = list(self._held)
            self._beat(held)
        self._client.close()

    def _beat(self, held: List[Running]) -> None:
        sent_at = time.monotonic()
        interval = min(running.interval for running in held)
        try:
            results = self._client.heartbeat_all(self._worker_id, held, patience=0, timeout=interval)
        except ClientError as error:
            self._on_error(error)
            retry_at = time.monotonic() + min(LONGEST_RETRY, max(SHORTEST_RETRY, interval / 4))
            for running in held:
                running.beat_due_at = retry_at
            return
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
        # A task that is lost or being reported is not due again before its handler or its report has ended.
        running.beat_due_at = sent_at + running.interval
        if problem.get("code") == "lease_lost":
            running.lose(problem.get("reason"))
        elif problem.get("code") == "task_not_found":
            running.lose("cleared")
        else:
            self._on_error(api_error(problem.get("status", 500), problem))
