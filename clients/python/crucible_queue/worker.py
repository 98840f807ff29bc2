"""A worker: claims tasks into free slots, runs a handler for each, and reports the results."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import logging
import os
import signal
import ssl
import threading
import time
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from .client import FROM_ENVIRONMENT, ApiKey, Client, Queues
from .completions import Completions
from .connections import Breaker
from .errors import (
    ApiError,
    AttemptFailed,
    ClientError,
    ConnectionFailed,
    Interrupted,
    InvalidRequest,
    PermanentError,
    TaskStopped,
)
from .keeper import Keeper
from .models import ClaimedTask
from .processes import ProcessHandler
from .report import Report, completion, failure, refused_failure, refused_output, visible
from .task_log import TaskLog
from .running import LONGEST_WAIT, Context, Running

Handler = Callable[[ClaimedTask, Context], Any]

FOREVER = float("inf")
LARGEST_CLAIM = 100
#: Seconds. Short, so that a cancel arrives within ten seconds and the tasks of a dead worker are redelivered soon.
DEFAULT_LEASE = 30.0
#: Maximum seconds of a call while the worker ends.
LAST_CALL = 5.0
EMPTY_PAUSE = 0.8
#: Seconds between two events of the same trouble.
TROUBLE_SPACING = 60.0
#: Number of remembered lease ids. A response that a proxy repeats starts no task twice.
KNOWN_LEASES = 10_000

logger = logging.getLogger("crucible_queue")


@dataclasses.dataclass
class Event:
    """claimed, completed, failed, released, stopped, lost, draining, trouble or recovered.

    Trouble is an error that the worker survives, such as no answer or a rejected key; at most one event a minute for
    each kind, and one for an outage. Recovered: the service answers again after such an outage.
    """

    type: str
    task: Optional[ClaimedTask] = None
    #: The task's state in the service's answer to the report.
    status: Optional[str] = None
    error: Optional[BaseException] = None


@dataclasses.dataclass
class Summary:
    """Counts of a run's tasks by result."""

    completed: int = 0
    failed: int = 0
    released: int = 0
    #: Tasks that were cancelled, or whose lease was lost.
    lost: int = 0


class Worker:
    """Runs handlers in threads, or with ``processes=True`` each in its own process.

    A thread of this process sends the heartbeats. A handler that holds the interpreter's lock also stops that thread
    and loses its lease. Examples are an extension that never releases the lock, or a regular expression over megabytes.
    Run such handlers with ``processes=True``. They must be functions at the top of a module, and the program needs the
    usual ``if __name__ == "__main__"``.

    An unanswered claim is repeated under its ``claim_id``, and an unanswered report under its lease. Neither loses a
    task nor ends one twice.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        worker_id: Optional[str] = None,
        concurrency: int = 1,
        *,
        api_key: ApiKey = FROM_ENVIRONMENT,
        queues: Optional[Queues] = None,
        labels: Optional[Mapping[str, str]] = None,
        lease: Optional[float] = DEFAULT_LEASE,
        wait: float = 20.0,
        report_patience: float = 120.0,
        abandon_after: float = 10.0,
        processes: bool = False,
        on_event: Optional[Callable[[Event], None]] = None,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        """``url`` and ``api_key`` are those of :class:`Client`.

        ``lease`` is the length of a lease without a heartbeat; with None the task's timeout decides.

        Times are in seconds. Raises ValueError for invalid options.
        """
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ValueError(f"concurrency must be a whole number from 1, not {concurrency!r}")
        for name, value in (("wait", wait), ("report_patience", report_patience), ("abandon_after", abandon_after)):
            if not value >= 0:
                raise ValueError(f"{name} must be a number of seconds from 0, not {value!r}")
        self.worker_id = worker_id or f"worker-{uuid.uuid4()}"
        self.summary = Summary()
        self._client = Client(url, api_key, tls=tls)
        self._completions = Completions(self._client)
        self._uses_processes = processes
        self._abandon_after = abandon_after
        self._taken: "collections.OrderedDict[str, None]" = collections.OrderedDict()
        self._told: Dict[Tuple[str, str], float] = {}
        #: Reported reasons why calls fail, until the service answers.
        self._outage: Set[Tuple[str, str]] = set()
        self._process = os.getpid()
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
        #: Fires when the worker must claim no more tasks.
        self._stopping = Breaker()
        self._give_back_at: Optional[float] = None
        self._keeper = Keeper(
            self._client,
            self.worker_id,
            on_drain=self.stop,
            on_error=self._trouble,
            on_answer=self._recover,
            on_abandoned=self._abandon,
            abandon_after=abandon_after,
        )

    def handler(self, function: Handler) -> Handler:
        """Registers the handler. Its return value is the task's output; an exception is the task's error."""
        self._handler = function
        return function

    def run(
        self,
        max_tasks: Optional[int] = None,
        *,
        until_empty: bool = False,
        handle_signals: bool = True,
        grace: Optional[float] = None,
    ) -> Summary:
        """Works until it is stopped, drained, or has reached the limits of the options. Call it once per worker.

        In the main thread, the first SIGTERM or SIGINT stops it, with ``grace`` as in :meth:`stop`, and the second
        releases held tasks. ``grace`` must be shorter than the time between SIGTERM and SIGKILL of your platform.
        """
        if self._handler is None:
            raise ValueError("The worker has no handler: decorate one with @worker.handler")
        if self._uses_processes:
            # The process handler kills its process before this worker would abandon the waiting thread.
            self._handler = ProcessHandler(self._handler, self._abandon_after / 2)
        restore = self._take_signals(grace) if handle_signals else {}
        self._keeper.start()
        try:
            self._claim_on(max_tasks, until_empty)
        finally:
            self._wait_for_the_rest()
            self._keeper.close()
            self._leave()
            self._client.close()
            for number, previous in restore.items():
                signal.signal(number, previous)
        return self.summary

    def stop(self, grace: Optional[float] = None) -> None:
        """Stops claiming. Held tasks may continue for ``grace`` seconds, or until they end by default, and are then
        released.

        Returns at once; ``run`` returns when the worker holds no task. May be called again with a shorter grace.
        """
        if self._is_taking:
            self._tell(Event("draining"))
        self._stopping.fire()
        with self._changed:
            if grace is not None:
                at = time.monotonic() + max(0.0, grace)
                self._give_back_at = at if self._give_back_at is None else min(at, self._give_back_at)
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
            claimed, since = self._claim(free, 0.0 if until_empty else self._wait)
            left = None if left is None else max(0, left - len(claimed))
            for task in claimed:
                self._start(task, since)
            if claimed:
                continue
            with self._changed:
                if until_empty and not self._running:
                    return
                # A service that is shutting down, or drains this worker, answers a poll at once.
                if self._is_taking and time.monotonic() - asked_at < EMPTY_PAUSE:
                    self._changed.wait(EMPTY_PAUSE)

    def _wait_for_slots(self, left: Optional[int]) -> int:
        with self._changed:
            free = min(LARGEST_CLAIM, self._concurrency - len(self._running))
            if free <= 0 and self._is_taking:
                self._changed.wait()
                return 0
        return free if left is None else min(free, left)

    def _claim(self, max_tasks: int, wait: float) -> Tuple[List[ClaimedTask], float]:
        """Repeats the claim until the service answers. Returns no tasks when the worker is stopped first.

        Also returns a moment before the leases began. Raises InvalidRequest for a claim that the service always
        rejects.
        """
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
            self._trouble(error)

        limits: Dict[str, Any] = {
            "patience": FOREVER,
            "is_stubborn": True,
            "breaker": self._stopping,
            "on_retry": on_retry,
        }
        since = time.monotonic()
        try:
            # A repeat does not wait, so that the worker soon knows that the service answers again.
            answered, command = self._client.claim_answer(self.worker_id, wait=wait, repeat_wait=0, **claim, **limits)
            self._recover()
            claimed = [task for task in answered if self._is_new(task)]
            age = time.monotonic() - since
            # The leases may be old. Only a heartbeat shows how long they last.
            if claimed and (repeats or age > min(task.heartbeat_interval for task in claimed)):
                since = time.monotonic()
                results = self._client.heartbeat_all(self.worker_id, claimed, **limits)
                claimed = [claimed[each["index"]] for each in results if "problem" not in each]
            is_stopped = not self._is_taking
            # A draining worker still finishes the tasks of this answer.
            if command == "drain":
                self.stop()
            if not is_stopped:
                return claimed, since
        except Interrupted:
            pass
        self._give_back_claim(claim)
        return [], since

    def _is_new(self, task: ClaimedTask) -> bool:
        if task.lease_id in self._taken:
            return False
        self._taken[task.lease_id] = None
        if len(self._taken) > KNOWN_LEASES:
            self._taken.popitem(last=False)
        return True

    def _give_back_claim(self, claim: Dict[str, Any]) -> None:
        """Releases the tasks of an aborted claim, if the service granted any."""
        limits: Dict[str, Any] = {"patience": LAST_CALL, "timeout": LAST_CALL}
        try:
            for task in self._client.claim(self.worker_id, **claim, **limits):
                self._client.release(task, reason="The worker was stopped", **limits)
        except ClientError as error:
            # The leases expire on their own. A service that is shutting down rejects claims and has released the tasks.
            self._trouble(error)

    def _start(self, task: ClaimedTask, since: float) -> None:
        running = Running(task, since, self._told_to_stop)
        running.stop_limit = self._abandon_after
        with self._changed:
            self._running.add(running)
        self._keeper.add(running)
        self._tell(Event("claimed", task))
        name = f"crucible-{running.eval_id}"
        try:
            threading.Thread(target=self._carry_out, args=(running,), name=name, daemon=True).start()
        except RuntimeError as error:
            # The system is out of threads, so the task is released.
            self._trouble(error)
            running.stop("shutdown", f"The worker has no thread for task {running.eval_id}")
            self._settle(running, None, running.stopped)

    def _carry_out(self, running: Running) -> None:
        running.log = TaskLog(running, self._append)
        context = Context(
            running, self._keeper.tell, self._keeper.save, self._client.put_artifact, running.log.write
        )
        output, error = None, None
        try:
            if running.task.unreadable is not None:
                raise PermanentError(f"The task cannot be read: {running.task.unreadable}")
            assert self._handler is not None
            output = self._handler(running.task, context)
            if asyncio.iscoroutine(output):
                output = asyncio.run(output)
        except BaseException as raised:  # A handler that calls sys.exit() has failed like any other.
            error = raised
        if os.getpid() != self._process:
            # A copy that the handler forked. The task belongs to its parent.
            os._exit(0 if error is None else 1)
        self._settle(running, output, error)

    def _abandon(self, running: Running) -> None:
        """Gives up on a handler that ignores its signal.

        Its thread cannot be ended, but the worker no longer waits for it.
        """
        if not running.settle():
            return
        error = TimeoutError("The handler did not return after its signal")
        threading.Thread(target=self._conclude, args=(running, None, error), daemon=True).start()

    def _settle(self, running: Running, output: Any, error: Optional[BaseException]) -> None:
        if running.settle():
            self._conclude(running, output, error)

    def _conclude(self, running: Running, output: Any, error: Optional[BaseException]) -> None:
        """Reports the result, and frees the slot even when the report fails."""
        event = Event("lost", running.task)
        try:
            self._end_log(running)
            event = self._report(running, output, error)
        except Exception as refused:
            event.error = refused
        finally:
            self._keeper.remove(running)
            with self._changed:
                setattr(self.summary, event.type, getattr(self.summary, event.type) + 1)
                self._running.discard(running)
                self._changed.notify_all()
            self._tell(event)

    def _append(self, running: Running, offset: int, content: bytes) -> int:
        """Sends a part of a log; returns its size."""
        # Not stubborn: a service that knows no logs must not delay the result.
        limits = {**self._report_limits, "is_stubborn": False}
        return self._client.append_log(running.task, offset, content, **limits)

    @staticmethod
    def _end_log(running: Running) -> None:
        """Sends the rest of the log, before the report that ends the lease."""
        stopped = running.stopped
        if running.log is None:
            return
        if stopped is not None and stopped.code in ("lease_lost", "cancelled"):
            running.log.abandon()
        running.log.close()

    def _report(self, running: Running, output: Any, error: Optional[BaseException]) -> Event:
        task, stopped = running.task, running.stopped
        if stopped is not None and stopped.code in ("lease_lost", "cancelled"):
            return Event("lost", task, error=stopped)
        if stopped is not None and stopped.code == "deadline":
            return self._send(task, failure(AttemptFailed(str(stopped), cause="timeout")), stopped)
        if error is None:
            return self._send(task, completion(output), None)
        if stopped is not None:
            answer = self._client.release(task, reason="The worker was stopped", **self._report_limits)
            return Event("released", task, answer.status, stopped)
        return self._send(task, failure(error), error)

    def _send(self, task: ClaimedTask, report: Report, error: Optional[BaseException]) -> Event:
        """Sends the report; when it is unsendable or rejected, sends one that says why."""
        try:
            status = self._send_once(task, report)
        # Converting an output to JSON runs its own code, which may raise any error.
        except BaseException as why:
            if isinstance(why, ClientError) and not isinstance(why, InvalidRequest):
                raise
            reason = type(why).__name__
            logger.warning("The %s report of task %s cannot be sent as it is: %s", report.verb, task.eval_id, reason)
            report = refused_output(why) if report.verb == "complete" else refused_failure(report, why)
            error = error or why
            status = self._send_once(task, report)
        return Event("completed" if report.verb == "complete" else "failed", task, status, error)

    def _send_once(self, task: ClaimedTask, report: Report) -> str:
        content = report.content(task.lease_id)
        limits = self._report_limits
        if report.verb == "complete":
            status = self._completions.complete(task, content, limits)
        else:
            status = self._client.report(task, report.verb, content, **limits).status
        self._recover()
        return status

    @property
    def _report_limits(self) -> Dict[str, Any]:
        return {"patience": self._report_patience, "is_stubborn": True, "on_retry": self._trouble}

    def _leave(self) -> None:
        """Reports that the worker leaves, so that operators see it as gone and not as silent."""
        try:
            self._client.workers.leave(self.worker_id, patience=0, timeout=LAST_CALL)
        except Exception as error:
            logger.debug("Cannot report that %s left: %s", self.worker_id, visible(error))

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
                    self._changed.wait(None if left is None else min(left, LONGEST_WAIT))
                    continue
                self._give_back_at = None
                held = list(self._running)
            for running in held:
                running.stop("shutdown", f"The worker is stopping and releases task {running.eval_id}")

    def _take_signals(self, first_grace: Optional[float]) -> Dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        received: List[bool] = []

        def on_signal(_number: int, _frame: Any) -> None:
            grace = 0.0 if received else first_grace
            received.append(True)
            # A signal may arrive while this thread holds a lock, so another thread handles it.
            threading.Thread(target=self.stop, args=(grace,), daemon=True).start()

        return {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}

    def _trouble(self, error: BaseException) -> None:
        """Reports trouble at most once a minute for each kind; an outage once, until the service answers again."""
        kind = (type(error).__name__, str(getattr(error, "code", "")))
        now = time.monotonic()
        with self._changed:
            if kind in self._outage or now - self._told.get(kind, float("-inf")) < TROUBLE_SPACING:
                return
            self._told[kind] = now
            if isinstance(error, (ConnectionFailed, ApiError)):
                self._outage.add(kind)
        self._tell(Event("trouble", error=error))

    def _recover(self) -> None:
        with self._changed:
            was_out = bool(self._outage)
            self._outage.clear()
        if was_out:
            self._tell(Event("recovered"))

    def _tell(self, event: Event) -> None:
        self._log(event)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:
            logger.error("on_event raised %s at %s: %s", type(error).__name__, event.type, visible(error))

    def _log(self, event: Event) -> None:
        """Logs ids, states and kinds of errors. The text of a handler's error may quote a payload."""
        task, error = event.task, event.error
        if event.type == "recovered":
            logger.warning("%s: the service answers again", self.worker_id)
        elif event.type == "trouble" and error is not None:
            logger.warning("%s: %s; retrying", self.worker_id, visible(error))
        elif task is None:
            logger.info("%s: %s", self.worker_id, event.type)
        else:
            level = logging.INFO if event.type in ("claimed", "completed", "released") else logging.WARNING
            state = f", now {event.status}" if event.status not in (None, event.type) else ""
            kind = f": {_kind_of(error)}" if error is not None else ""
            said = (self.worker_id, event.type, task.eval_id, task.attempt, state, kind)
            logger.log(level, "%s: %s %s (attempt %d)%s%s", *said)


def _kind_of(error: BaseException) -> str:
    if isinstance(error, TaskStopped):
        return error.code
    return type(error).__name__
