"""Connections that stay open between calls and are shared by all threads of a process."""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import time
import weakref
from typing import Any, Dict, List, NamedTuple, Optional, Set

#: Seconds. Shorter than the idle timeouts of servers and proxies, so that a call seldom meets a closed connection.
LONGEST_IDLE = 30.0
#: Seconds. ``poll`` counts milliseconds in a 32-bit integer, and no call may take longer.
LONGEST_TIMEOUT = 86_400.0
#: Seconds without a call after which the thread of the time limits ends.
LINGERING = 60.0

#: Objects with locks. A fork can copy a lock that another thread holds, and no thread of the child could release it.
_locked: "weakref.WeakSet[Any]" = weakref.WeakSet()


def renew_after_fork(owner: Any) -> None:
    """Calls ``owner.renew()`` in each forked child, before any other code runs there."""
    owner.renew()
    _locked.add(owner)


def _renew_all() -> None:
    for owner in list(_locked):
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class _Idle(NamedTuple):
    connection: http.client.HTTPConnection
    since: float


class Connections:
    """Lends a connection for one exchange. The number of open connections is at most the number of simultaneous calls.

    A forked child opens its own connections: two processes on one socket would read each other's answers.
    """

    def __init__(self, host: str, port: int, *, is_tls: bool, tls: Optional[ssl.SSLContext]) -> None:
        self._host = host
        self._port = port
        self._is_tls = is_tls
        self._tls = tls
        renew_after_fork(self)

    def renew(self) -> None:
        self._lock = threading.Lock()
        # After a fork: closing the child's copies sends nothing, and the parent's connections stay open.
        self._idle: List[_Idle] = []

    def take(self, timeout: float) -> http.client.HTTPConnection:
        """Returns an open connection whose reads and writes wait at most ``timeout`` seconds. Raises OSError."""
        limit = min(timeout, LONGEST_TIMEOUT)
        connection = self._take_idle() or self._open(limit)
        connection.sock.settimeout(limit)
        return connection

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Takes a connection back after a complete exchange."""
        if connection.sock is None:
            return
        with self._lock:
            self._idle.append(_Idle(connection, time.monotonic()))

    def close(self) -> None:
        """Closes the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.connection.close()

    def _take_idle(self) -> Optional[http.client.HTTPConnection]:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                # The most recently used one; the others age and are closed.
                idle = self._idle.pop()
            if time.monotonic() - idle.since < LONGEST_IDLE and not _is_readable(idle.connection.sock):
                return idle.connection
            idle.connection.close()

    def _open(self, limit: float) -> http.client.HTTPConnection:
        if self._is_tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=limit, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=limit)
        connection.connect()
        # A header and a small body are two writes, which must not wait for each other.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class TimeLimits:
    """Closes connections whose exchange exceeds its total time.

    A socket's timeout restarts with every byte, so a slow trickle of bytes would never end.
    """

    def __init__(self) -> None:
        renew_after_fork(self)

    def renew(self) -> None:
        self._changed = threading.Condition()
        self._ends: Dict[socket.socket, float] = {}
        self._next = float("inf")
        self._thread: Optional[threading.Thread] = None

    def watch(self, connected: socket.socket, seconds: float) -> None:
        end = time.monotonic() + min(seconds, LONGEST_TIMEOUT)
        with self._changed:
            self._ends[connected] = end
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="crucible-limits", daemon=True)
                self._thread.start()
            elif end < self._next:
                self._changed.notify()

    def forget(self, connected: socket.socket) -> None:
        with self._changed:
            self._ends.pop(connected, None)

    def _run(self) -> None:
        with self._changed:
            is_idle = False
            while self._ends or not is_idle:
                is_idle = not self._ends
                now = time.monotonic()
                for connected in [each for each, end in self._ends.items() if end <= now]:
                    del self._ends[connected]
                    _hang_up(connected)
                self._next = min(self._ends.values(), default=now + LINGERING)
                self._changed.wait(self._next - now)
            self._thread = None


class Breaker:
    """Aborts the calls that it watches, including parked ones, and all later calls."""

    def __init__(self) -> None:
        self._sockets: Set[socket.socket] = set()
        self._event = threading.Event()
        renew_after_fork(self)

    def renew(self) -> None:
        self._lock = threading.Lock()

    @property
    def is_broken(self) -> bool:
        return self._event.is_set()

    def fire(self) -> None:
        with self._lock:
            self._event.set()
            for each in self._sockets:
                _hang_up(each)

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)

    def watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.add(connected)
            if self._event.is_set():
                _hang_up(connected)

    def forget(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(connected)


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # Already closed.


def _is_readable(connected: Optional[socket.socket]) -> bool:
    """An idle connection is readable only when the server has closed it or has sent an unexpected answer."""
    if connected is None or connected.fileno() < 0:
        return True
    if isinstance(connected, ssl.SSLSocket) and connected.pending() > 0:
        return True
    if hasattr(select, "poll"):
        watch = select.poll()
        watch.register(connected, select.POLLIN)
        return bool(watch.poll(0))
    return bool(select.select([connected], [], [], 0)[0])
