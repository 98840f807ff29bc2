"""A worker: claims tasks into free slots, runs a handler for each, and reports how they ended."""

from __future__ import annotations

import dataclasses
import signal
import ssl
import threading
import time
import traceback
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from .client import Client, Queues
from .errors import (
    ApiError,
    AttemptFailed,
    ClientError,
    Interrupted,
    InvalidRequest,
    PermanentError,
    RetryLater,
)
from .keeper import Keeper
from .models import ClaimedTask
from .running import Context, Running
from .transport import Breaker

Handler = Callable[[ClaimedTask, Context], Any]

FOREVER = float("inf")
LARGEST_CLAIM = 100
LAST_CALL = 5.0
EMPTY_PAUSE = 0.25


@dataclasses.dataclass
class Event:
    """claimed, completed, failed, released, stopped, lost, draining or trouble."""

    type: str
    task: Optional[ClaimedTask] = None
    #: The state of the task that the service answered to the report.
    status: Optional[str] = None
    error: Optional[BaseException] = None


@dataclasses.dataclass
class Summary:
    """How the tasks of a run ended."""

    completed: int = 0
    failed: int = 0
    released: int = 0
    #: They were not this worker's any more: cancelled, or their lease was lost.
    lost: int = 0


class Worker:
    """Runs handlers in threads.

    A claim whose answer was lost is asked for again under its ``claim_id``, and an end whose answer was lost is reported
    again under its lease: neither loses a task nor ends one twice.
    """

    def __init__(
        self,
        url: str,
        worker_id: Optional[str] = None,
        concurrency: int = 1,
        *,
        api_key: Optional[str] = None,
        queues: Optional[Queues] = None,
        labels: Optional[Mapping[str, str]] = None,
        lease: Optional[float] = None,
        wait: float = 20.0,
        report_patience: float = 120.0,
        abandon_after: float = 10.0,
        on_event: Optional[Callable[[Event], None]] = None,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.worker_id = worker_id or f"worker-{uuid.uuid4()}"
        self.summary = Summary()
        self._client = Client(url, api_key, tls=tls)
        self._concurrency = concurrency
        self._queues = queues
        self._labels = labels
        self._lease = lease
        self._wait = wait
        self._report_patience = report_patience
        self._on_event = on_event
        self._handler: Optional[Handler] = None
        self._running: Set[Running] = set()
        self._changed = threading.Condition(threading.RLock())
        #: Fires when nothing more is to be claimed.
        self._stopping = Breaker()
        self._give_back_at: Optional[float] = None
        self._keeper = Keeper(
            self._client,
            self.worker_id,
            on_drain=self.stop,
            on_error=lambda error: self._tell(Event("trouble", error=error)),
            on_abandoned=self._abandon,
            abandon_after=abandon_after,
        )

    def handler(self, function: Handler) -> Handler:
        """Names the function that does the work: what it returns is the output, what it raises is the error."""
        self._handler = function
        return function

    def run(
        self, max_tasks: Optional[int] = None, *, until_empty: bool = False, handle_signals: bool = True
    ) -> Summary:
        """Works until it is stopped, drained, or has done what is asked for; once for each worker.

        In the main thread, the first SIGTERM or SIGINT stops it and the second gives back what it holds.
        """
        if self._handler is None:
            raise ValueError("The worker has no handler: decorate one with @worker.handler")
        restore = self._take_signals() if handle_signals else {}
        self._keeper.start()
        try:
            self._claim_on(max_tasks, until_empty)
        finally:
            self._wait_for_the_rest()
            self._keeper.close()
            self._client.close()
            for number, previous in restore.items():
                signal.signal(number, previous)
        return self.summary

    def stop(self, grace: Optional[float] = None) -> None:
        """Claims nothing more. What is held may go on for ``grace`` seconds, or to its end, and is then given back.

        Returns at once; ``run`` returns when nothing is held any more. May be called again with less grace.
        """
        if self._is_taking:
            self._tell(Event("draining"))
        self._stopping.fire()
        with self._changed:
            if grace is not None:
                self._give_back_at = time.monotonic() + grace
            self._changed.notify_all()

    @property
    def _is_taking(self) -> bool:
        return not self._stopping.is_broken

    def _claim_on(self, max_tasks: Optional[int], until_empty: bool) -> None:
        left = max_tasks
        while self._is_taking and left != 0:
            free = self._wait_for_slots(left)
            if free == 0:
                continue
            asked_at = time.monotonic()
            claimed = self._claim(free, 0.0 if until_empty else self._wait)
            left = None if left is None else left - len(claimed)
            for task in claimed:
                self._start(task)
            if claimed:
                continue
            with self._changed:
                if until_empty and not self._running:
                    return
                # A service that shuts down, or wants this worker gone, does not keep a poll waiting.
                if self._is_taking and time.monotonic() - asked_at < EMPTY_PAUSE:
                    self._changed.wait(EMPTY_PAUSE)

    def _wait_for_slots(self, left: Optional[int]) -> int:
        with self._changed:
            free = min(LARGEST_CLAIM, self._concurrency - len(self._running))
            if free <= 0 and self._is_taking:
                self._changed.wait()
                return 0
        return free if left is None else min(free, left)

    def _claim(self, max_tasks: int, wait: float) -> List[ClaimedTask]:
        """Tries until there is an answer; nothing when the worker is stopped meanwhile."""
        repeats: List[ClientError] = []
        claim: Dict[str, Any] = {
            "queues": self._queues,
            "labels": self._labels,
            "lease": self._lease,
            "max_tasks": max_tasks,
            "claim_id": str(uuid.uuid4()),
        }

        def on_retry(error: ClientError) -> None:
            repeats.append(error)
            self._tell(Event("trouble", error=error))

        limits: Dict[str, Any] = {"patience": FOREVER, "breaker": self._stopping}
        try:
            claimed, command = self._client.claim_answer(
                self.worker_id, wait=wait, on_retry=on_retry, **claim, **limits
            )
            # Leased a while ago, maybe: how long they still are, only a heartbeat can tell.
            if repeats and claimed:
                results = self._client.heartbeat_all(self.worker_id, claimed, **limits)
                claimed = [claimed[each["index"]] for each in results if "problem" not in each]
            is_stopped = not self._is_taking
            # Who is to drain finishes what it was given along with that.
            if command == "drain":
                self.stop()
            if not is_stopped:
                return claimed
        except Interrupted:
            pass
        self._give_back_claim(claim)
        return []

    def _give_back_claim(self, claim: Dict[str, Any]) -> None:
        """A claim was broken off: if it took tasks after all, they go back."""
        limits: Dict[str, Any] = {"patience": LAST_CALL, "timeout": LAST_CALL}
        try:
            for task in self._client.claim(self.worker_id, **claim, **limits):
                self._client.release(task, reason="The worker was stopped", **limits)
        except ClientError as error:
            # Their leases end by themselves. A service that shuts down answers no claim, and has given them back.
            self._tell(Event("trouble", error=error))

    def _start(self, task: ClaimedTask) -> None:
        running = Running(task, self._told_to_stop)
        with self._changed:
            self._running.add(running)
        self._keeper.add(running)
        self._tell(Event("claimed", task))
        name = f"crucible-{task.eval_id}"
        threading.Thread(target=self._carry_out, args=(running,), name=name, daemon=True).start()

    def _carry_out(self, running: Running) -> None:
        context = Context(running, self._keeper.tell)
        output, error = None, None
        try:
            assert self._handler is not None
            output = self._handler(running.task, context)
        except BaseException as raised:  # A handler that calls sys.exit() has failed like any other.
            error = raised
        self._settle(running, output, error)
        self._client.close()

    def _abandon(self, running: Running) -> None:
        """Its handler was told to stop and has not: its thread cannot be ended, but nobody waits for it any more."""
        error = TimeoutError("The handler did not end when told to")
        threading.Thread(target=self._settle, args=(running, None, error), daemon=True).start()

    def _settle(self, running: Running, output: Any, error: Optional[BaseException]) -> None:
        if not running.settle():
            return
        try:
            event = self._report(running, output, error)
        except ClientError as refused:
            event = Event("lost", running.task, error=refused)
        self._keeper.remove(running)
        with self._changed:
            setattr(self.summary, event.type, getattr(self.summary, event.type) + 1)
            self._running.discard(running)
            self._changed.notify_all()
        self._tell(event)

    def _report(self, running: Running, output: Any, error: Optional[BaseException]) -> Event:
        task, stopped = running.task, running.stopped
        if stopped is not None and stopped.code in ("lease_lost", "cancelled"):
            return Event("lost", task, error=stopped)
        if stopped is not None and stopped.code == "deadline":
            return self._fail(task, stopped, {"error": str(stopped)})
        if error is None:
            return self._complete(task, output)
        if stopped is not None:
            answer = self._client.release(
                task, reason="The worker was stopped", patience=self._report_patience
            )
            return Event("released", task, answer.status, stopped)
        return self._fail(task, error, _failure_of(error))

    def _complete(self, task: ClaimedTask, output: Any) -> Event:
        """An output that cannot be sent, or is not taken, is a failure for good: it would be the same again."""
        try:
            answer = self._client.complete(task, output, patience=self._report_patience)
        except (TypeError, ValueError, RecursionError, InvalidRequest) as error:
            failure = {"error": f"The output was not taken: {error}", "retryable": False}
            return self._fail(task, error, failure)
        return Event("completed", task, answer.status)

    def _fail(self, task: ClaimedTask, error: BaseException, failure: Dict[str, Any]) -> Event:
        answer = self._client.fail(task, patience=self._report_patience, **failure)
        return Event("failed", task, answer.status, error)

    def _told_to_stop(self, running: Running) -> None:
        self._keeper.stopped(running)
        self._tell(Event("stopped", running.task, error=running.stopped))

    def _wait_for_the_rest(self) -> None:
        self._stopping.fire()
        while True:
            with self._changed:
                if not self._running:
                    return
                left = None if self._give_back_at is None else self._give_back_at - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                self._give_back_at = None
                held = list(self._running)
            for running in held:
                running.stop("shutdown", f"The worker ends and gives task {running.eval_id} back")

    def _take_signals(self) -> Dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():
            return {}

        def on_signal(_number: int, _frame: Any) -> None:
            grace = None if self._is_taking else 0.0
            # A signal may come while this thread holds any lock, so another thread does it.
            threading.Thread(target=self.stop, args=(grace,), daemon=True).start()

        return {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)


def _failure_of(error: BaseException) -> Dict[str, Any]:
    if isinstance(error, PermanentError):
        return {"error": str(error), "retryable": False, **_exit_code(error.exit_code)}
    if isinstance(error, RetryLater):
        return {"error": str(error), "retry_after": error.seconds, **_exit_code(error.exit_code)}
    if isinstance(error, AttemptFailed):
        return {"error": str(error), **_exit_code(error.exit_code)}
    return {"error": "".join(traceback.format_exception(type(error), error, error.__traceback__))}


def _exit_code(code: Optional[int]) -> Dict[str, int]:
    return {} if code is None else {"exit_code": code}
