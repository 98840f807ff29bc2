"""The log of one attempt, sent in batches."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .errors import ApiError

if TYPE_CHECKING:
    from .running import Running

#: Bytes of one request.
LARGEST_CHUNK = 65_536
#: Seconds. A piece of the log waits at most this long for more.
LONGEST_DELAY = 1.0
#: Above this many unsent bytes, ``write`` waits.
ROOMY_BYTES = 262_144

#: Sends bytes at an offset; returns the size of the log.
Append = Callable[["Running", int, bytes], int]


class TaskLog:
    """Sends the log of one attempt in order, one request at a time, from a thread of its own.

    A request whose answer was lost is repeated with its offset, so no byte is lost or doubled. When the lease has ended
    or the service keeps no logs, the rest is dropped: a log never fails a task. Safe to use from several threads.
    """

    def __init__(self, running: "Running", append: Append) -> None:
        self._running = running
        self._append = append
        self._pending = bytearray()
        self._offset = 0
        self._is_over = False
        self._is_closing = False
        self._due_at: Optional[float] = None
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    def write(self, text: Union[str, bytes, bytearray, Any]) -> None:
        """Adds text, or bytes as they are. Waits while too much is unsent. Never raises."""
        content = content_of(text)
        with self._changed:
            if self._is_over or self._is_closing or not content:
                return
            self._pending += content
            if self._due_at is None:
                self._due_at = time.monotonic() + LONGEST_DELAY
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="crucible-queue-log", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            # The sender never waits for itself.
            while len(self._pending) > ROOMY_BYTES and not self._is_over and self._running.stopped is None:
                self._changed.wait(LONGEST_DELAY)

    def close(self) -> None:
        """Sends the rest; returns when it is sent or given up."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def abandon(self) -> None:
        """Drops what is unsent, such as after the lease was lost."""
        with self._changed:
            self._is_over = True
            self._pending.clear()
            self._changed.notify_all()

    def _send_all(self) -> None:
        while True:
            chunk = self._next()
            if chunk is None:
                return
            if not self._send(chunk):
                self.abandon()
                return

    def _next(self) -> Optional[bytes]:
        """Waits for a batch; None when the log is over."""
        with self._changed:
            while not self._is_over:
                due_at = self._due_at
                left = None if due_at is None else due_at - time.monotonic()
                is_ready = len(self._pending) >= LARGEST_CHUNK or self._is_closing or (left is not None and left <= 0)
                if is_ready and self._pending:
                    chunk = bytes(self._pending[:LARGEST_CHUNK])
                    del self._pending[: len(chunk)]
                    self._due_at = time.monotonic() if self._pending else None
                    self._changed.notify_all()
                    return chunk
                if self._is_closing:
                    return None
                self._changed.wait(left)
            return None

    def _send(self, chunk: bytes) -> bool:
        """False when the log takes nothing more."""
        while True:
            try:
                self._offset = self._append(self._running, self._offset, chunk)
                return True
            except ApiError as error:
                # Another program sent bytes under the same lease, for example in a sandbox: continue after them.
                size = error.problem.get("size") if error.code == "log_offset" else None
                if not isinstance(size, int) or size == self._offset:
                    return False
                self._offset = size
            except Exception:
                return False


def content_of(text: Any) -> bytes:
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    try:
        return str(text).encode("utf-8", "replace")
    except Exception:
        return f"({type(text).__name__})".encode()
