"""Calls over HTTP, sent again where that helps."""

from __future__ import annotations

import http.client
import json
import random
import socket
import ssl
import threading
import time
import urllib.parse
from typing import Any, Callable, Dict, Mapping, Optional, Set, Tuple

from .errors import ApiError, ClientError, ConnectionFailed, Interrupted, api_error

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
#: 408 and 429: not carried out. 502 and 504: what stands between had no answer.
WORTH_REPEATING = frozenset((408, 429, 502, 503, 504))


class Breaker:
    """Breaks off the calls that were given it, also one that is parked, and those that come later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: Set[socket.socket] = set()
        self._event = threading.Event()

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

    def forget(self, connected: Optional[socket.socket]) -> None:
        with self._lock:
            self._sockets.discard(connected)  # type: ignore[arg-type]


class Transport:
    """One connection for each thread, kept open between calls."""

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        request_timeout: float = 15.0,
        patience: float = 30.0,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is not the URL of a service: http://host:port")
        self._is_tls = parts.scheme == "https"
        self._tls = tls
        self._host = parts.hostname
        self._port = parts.port
        self._base = parts.path.rstrip("/")
        self._api_key = api_key
        self._request_timeout = request_timeout
        self._patience = patience
        self._local = threading.local()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
        wait: float = 0.0,
        timeout: Optional[float] = None,
        patience: Optional[float] = None,
        is_repeatable: bool = True,
        breaker: Optional[Breaker] = None,
        on_retry: Optional[Callable[[ClientError], None]] = None,
    ) -> Any:
        """The answer, parsed. ``wait`` is what the service may take on purpose, ``patience`` how long to try."""
        target = self._target(path, query)
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        limit = wait + (self._request_timeout if timeout is None else timeout)
        give_up_at = time.monotonic() + (self._patience if patience is None else patience)
        attempt = 0
        while True:
            try:
                return self._once(method, target, content, headers or {}, limit, breaker)
            except (ConnectionFailed, ApiError) as error:
                pause = _pause_after(error, attempt)
                if not _may_repeat(error, is_repeatable) or time.monotonic() + pause > give_up_at:
                    raise
                if on_retry is not None:
                    on_retry(error)
            attempt += 1
            if breaker is None:
                time.sleep(pause)
            else:
                breaker.wait(pause)

    def close(self) -> None:
        """Closes the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _target(self, path: str, query: Optional[Mapping[str, Any]]) -> str:
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        return f"{self._base}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")

    def _once(
        self,
        method: str,
        target: str,
        content: Optional[bytes],
        headers: Mapping[str, str],
        limit: float,
        breaker: Optional[Breaker],
    ) -> Any:
        if breaker is not None and breaker.is_broken:
            raise Interrupted("The call was broken off before it was sent")
        try:
            status, answered, text = self._exchange(method, target, content, headers, limit, breaker)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if breaker is not None and breaker.is_broken:
                raise Interrupted("The call was broken off") from error
            raise ConnectionFailed(f"{method} {target}: {error or type(error).__name__}") from error
        if status < 400:
            return _parsed(text, f"{method} {target}")
        raise api_error(status, _problem(text), _seconds(answered.get("Retry-After")))

    def _exchange(
        self,
        method: str,
        target: str,
        content: Optional[bytes],
        headers: Mapping[str, str],
        limit: float,
        breaker: Optional[Breaker],
    ) -> Tuple[int, Mapping[str, str], bytes]:
        connection = self._connection(limit)
        watched = connection.sock
        if breaker is not None:
            breaker.watch(watched)
        try:
            connection.request(method, target, content, self._headers(content, headers))
            response = connection.getresponse()
            text = response.read()
            if response.will_close:
                self.close()
            return response.status, response.headers, text
        finally:
            if breaker is not None:
                breaker.forget(watched)

    def _connection(self, limit: float) -> http.client.HTTPConnection:
        """The connection of this thread. One that the service has closed meanwhile is replaced."""
        connection: Optional[http.client.HTTPConnection] = getattr(self._local, "connection", None)
        if connection is not None and (connection.sock is None or _is_closed(connection.sock)):
            self.close()
            connection = None
        if connection is None:
            connection = self._open(limit)
            self._local.connection = connection
        connection.sock.settimeout(limit)
        return connection

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

    def _headers(self, content: Optional[bytes], headers: Mapping[str, str]) -> Dict[str, str]:
        given = {"Accept": "application/json", **headers}
        if self._api_key is not None:
            given["X-API-Key"] = self._api_key
        if content is not None:
            given["Content-Type"] = "application/json"
        return given


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # It is closed already.


def _is_closed(connected: socket.socket) -> bool:
    """Between calls there is nothing to read, unless the other side has hung up."""
    if isinstance(connected, ssl.SSLSocket):
        return False
    connected.settimeout(0)
    try:
        connected.recv(1, socket.MSG_PEEK)
        return True
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


def _may_repeat(error: ClientError, is_repeatable: bool) -> bool:
    if not isinstance(error, ApiError):
        return is_repeatable
    if error.status not in WORTH_REPEATING:
        return False
    return is_repeatable or error.status == 429 or error.applied is False


def _pause_after(error: ClientError, attempt: int) -> float:
    """Grows, and differs from caller to caller: those who failed together do not come back together."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 16))
    asked = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
    return asked + longest * random.uniform(0.5, 1.0)


def _parsed(text: bytes, call: str) -> Any:
    """What is no JSON does not come from the service, and counts as no answer."""
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ConnectionFailed(f"{call}: the answer is no JSON: {error}") from error


def _problem(text: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(text)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _seconds(header: Optional[str]) -> Optional[float]:
    return float(header) if header is not None and header.isdigit() else None


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
