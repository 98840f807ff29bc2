"""A worker whose handlers are coroutines in the event loop of the program."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import signal
import threading
from typing import Any, Awaitable, Callable, Optional, TypeVar, Union

from .artifacts import Source
from .errors import AttemptFailed, TaskStopped
from .models import Artifact, ClaimedTask
from .running import Context
from .worker import Summary, Worker

_Result = TypeVar("_Result")


class AsyncContext:
    """The handler's second argument.

    ``sync`` is the context of a :class:`Worker`. Its other methods block: call them with ``asyncio.to_thread``.
    """

    def __init__(self, sync: Context, threads: Optional[concurrent.futures.Executor] = None) -> None:
        self.sync = sync
        #: Threads of the worker, so that long calls of the program cannot occupy them. None means those of the loop.
        self._threads = threads

    @property
    def cancelled(self) -> bool:
        """Whether the handler must stop, for any reason. The worker has cancelled its coroutine too."""
        return self.sync.cancelled

    @property
    def reason(self) -> Optional[TaskStopped]:
        """Why the handler must stop: its ``code`` is lease_lost, cancelled, deadline or shutdown."""
        return self.sync.reason

    async def log(self, text: Union[str, bytes]) -> None:
        """Adds text, or bytes as they are, to the log of the attempt. Never raises. Waits while too much is unsent."""
        await self._in_thread(self.sync.log, text)

    async def checkpoint(self, value: Any) -> None:
        """Saves a checkpoint; as :meth:`Context.checkpoint`. Returns when it is durable."""
        await self._in_thread(self.sync.checkpoint, value)

    async def put_artifact(
        self, source: Source, name: Optional[str] = None, *, content_type: Optional[str] = None
    ) -> Artifact:
        """Stores a file, or bytes with a name; as :meth:`Context.put_artifact`. Returns when it is durable."""
        return await self._in_thread(self.sync.put_artifact, source, name, content_type=content_type)

    async def progress(self, percent: Optional[float] = None, message: Optional[str] = None) -> None:
        """Reports progress and extends the lease, at most once a second. Never raises."""
        await self._in_thread(self.sync.progress, percent, message)

    async def _in_thread(self, function: Callable[..., _Result], *given: Any, **options: Any) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, functools.partial(function, *given, **options))


AsyncHandler = Callable[[ClaimedTask, AsyncContext], Awaitable[Any]]
_Handler = Callable[[ClaimedTask, Context], Awaitable[Any]]


class AsyncWorker:
    """Runs handlers as coroutines in the event loop that calls :meth:`run`.

    Claims, heartbeats and reports are blocking HTTP in threads of a :class:`Worker`: they continue while a handler blocks
    the loop. Each running task occupies one thread, which waits. When a task is cancelled, loses its lease or exceeds
    its timeout, and when the worker stops, the coroutine gets ``asyncio.CancelledError``.

    The options are those of :class:`Worker` without ``processes``; ``on_event`` is called in other threads.
    """

    def __init__(self, url: Optional[str] = None, worker_id: Optional[str] = None, concurrency: int = 1, **options: Any):
        if options.get("processes"):
            raise ValueError("An AsyncWorker runs its handlers in one event loop; processes=True needs a Worker")
        self._worker = Worker(url, worker_id, concurrency, **options)
        self._threads = concurrent.futures.ThreadPoolExecutor(concurrency, thread_name_prefix="crucible-calls")
        self._handler: Optional[AsyncHandler] = None

    @property
    def worker_id(self) -> str:
        return self._worker.worker_id

    @property
    def summary(self) -> Summary:
        return self._worker.summary

    def handler(self, function: AsyncHandler) -> AsyncHandler:
        """Registers the handler. Its return value is the task's output; an exception is the task's error."""
        self._handler = function
        return function

    async def run(
        self,
        max_tasks: Optional[int] = None,
        *,
        until_empty: bool = False,
        handle_signals: bool = True,
        grace: Optional[float] = None,
    ) -> Summary:
        """Works until it is stopped, drained, or has reached the limits of the options. Call it once per worker.

        In the main thread, the first SIGTERM or SIGINT stops it, with ``grace`` as in :meth:`stop`, and the second
        releases held tasks. A cancelled ``run`` releases them too, and ends when the handlers have ended.
        """
        handler = self._handler
        if handler is None:
            raise ValueError("The worker has no handler: decorate one with @worker.handler")
        loop = asyncio.get_running_loop()
        self._worker.handler(functools.partial(_carry_out, loop, functools.partial(self._handle, handler)))
        signals = self._take_signals(loop, grace) if handle_signals else ()
        ended: "asyncio.Future[Summary]" = loop.create_future()

        def work() -> None:
            try:
                summary = self._worker.run(max_tasks, until_empty=until_empty, handle_signals=False)
            except BaseException as error:
                loop.call_soon_threadsafe(_settle, ended, None, error)
            else:
                loop.call_soon_threadsafe(_settle, ended, summary, None)

        threading.Thread(target=work, name="crucible-worker", daemon=True).start()
        try:
            return await self._until(ended)
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def stop(self, grace: Optional[float] = None) -> None:
        """Stops claiming; as :meth:`Worker.stop`. Returns at once."""
        self._worker.stop(grace)

    async def _until(self, ended: "asyncio.Future[Summary]") -> Summary:
        was_cancelled = False
        while not ended.done():
            try:
                await asyncio.shield(ended)
            except asyncio.CancelledError:
                # The handlers need the loop until they have ended.
                was_cancelled = True
                self._stop_in_thread(0.0)
            except Exception:
                break
        if was_cancelled:
            raise asyncio.CancelledError
        return ended.result()

    def _take_signals(self, loop: asyncio.AbstractEventLoop, grace: Optional[float]) -> "tuple[signal.Signals, ...]":
        if threading.current_thread() is not threading.main_thread():
            return ()
        received = []

        def on_signal() -> None:
            received.append(True)
            self._stop_in_thread(grace if len(received) == 1 else 0.0)

        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, on_signal)
        except NotImplementedError:
            return ()  # Windows.
        return (signal.SIGTERM, signal.SIGINT)

    def _handle(self, handler: AsyncHandler, task: ClaimedTask, context: Context) -> Awaitable[Any]:
        return handler(task, AsyncContext(context, self._threads))

    def _stop_in_thread(self, grace: Optional[float]) -> None:
        # The worker's locks must not delay the loop.
        threading.Thread(target=self._worker.stop, args=(grace,), daemon=True).start()


def _carry_out(
    loop: asyncio.AbstractEventLoop, handler: _Handler, task: ClaimedTask, context: Context
) -> Any:
    """Runs in a thread of the worker, and waits for the coroutine in the loop."""
    ended: "concurrent.futures.Future[Any]" = concurrent.futures.Future()
    running: "list[asyncio.Task[Any]]" = []

    async def handle() -> Any:
        return await handler(task, context)

    def finish(done: "asyncio.Task[Any]") -> None:
        if done.cancelled():
            ended.set_exception(context.reason or AttemptFailed("The handler was cancelled"))
        elif done.exception() is not None:
            ended.set_exception(done.exception())
        else:
            ended.set_result(done.result())

    def begin() -> None:
        running.append(loop.create_task(handle(), name=f"crucible-{task.eval_id}"))
        running[0].add_done_callback(finish)

    def cancel() -> None:
        for each in running:
            each.cancel()

    loop.call_soon_threadsafe(begin)
    # Both run in the loop, in this order.
    forget = context.when_stopped(lambda: loop.call_soon_threadsafe(cancel))
    try:
        return ended.result()
    finally:
        forget()


def _settle(ended: "asyncio.Future[Summary]", summary: Optional[Summary], error: Optional[BaseException]) -> None:
    if ended.done():
        return
    if error is not None:
        ended.set_exception(error)
    elif summary is not None:
        ended.set_result(summary)
