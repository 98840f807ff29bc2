"""Calls over HTTP, with checked answers and retries."""

from __future__ import annotations

import bisect
import http.client
import random
import ssl
import threading
import time
import urllib.parse
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, NamedTuple, Optional, TypeVar

from .connections import Breaker, Connections, TimeLimits, renew_after_fork
from .downloads import Download
from .errors import ApiError, ClientError, ConnectionFailed, Interrupted, UnexpectedAnswer, api_error
from .payload import read_json, write_json

#: Seconds.
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
#: Seconds. Upper bound of the server's ``Retry-After``, because the server may have restarted since.
LONGEST_RETRY_AFTER = 60.0
#: Seconds between two repeated calls of one transport, over all threads. A worker repeats heartbeats separately, which
#: gives two requests a second together.
REPEAT_SPACING = 0.8
#: Maximum bytes of a response: enough for a claim of the 100 largest tasks that the service accepts by default.
LONGEST_ANSWER = 256 * 1024 * 1024
PIECE = 1024 * 1024
#: Bytes of a download whose length is unknown.
LONGEST_DOWNLOAD = 1 << 40
#: Statuses without a body. A server may send one anyway, so the connection is not reused.
WITHOUT_BODY = frozenset((204, 205, 304))
WRONG_URL = "The URL of the service must be http://host:port or https://host:port, optionally with a path, without a query"
#: 408 and 429: not performed. 502 and 504: a proxy had no answer.
WORTH_REPEATING = frozenset((408, 429, 502, 503, 504))
#: The request itself is wrong, so a retry would fail too.
REFUSED = frozenset((400, 404, 409, 413, 415, 422))

#: Bytes per second of the slowest upload or download that is not ended.
SLOWEST_RATE = 65_536

_Result = TypeVar("_Result")
#: Converts a parsed answer into the call's result; raises when the answer is invalid.
Reader = Callable[[Any], Any]


class Upload(NamedTuple):
    """The bytes of an upload. They are opened once per try."""

    size: int
    open: Callable[[], BinaryIO]


class Answer(NamedTuple):
    status: int
    retry_after: Optional[str]
    text: bytes


class Transport:
    """Sends calls. Safe to share between threads and to use after a fork."""

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        request_timeout: float = 15.0,
        patience: float = 30.0,
        longest_answer: int = LONGEST_ANSWER,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        address = _address_of(url)
        if not isinstance(longest_answer, int) or longest_answer < 1:
            raise ValueError(f"longest_answer must be a whole number of bytes from 1, not {longest_answer!r}")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("The API key must be printable ASCII; does it end with a line break?")
        self._connections = Connections(address.host, address.port, is_tls=address.is_tls, tls=tls)
        self._origin = address.origin
        self._base = address.path
        self._api_key = api_key
        self._request_timeout = request_timeout
        self._patience = patience
        self._longest_answer = longest_answer
        self._spacing = _Spacing()
        self._limits = TimeLimits()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Any = None,
        repeat_body: Any = None,
        content: Optional[bytes] = None,
        upload: Optional[Upload] = None,
        headers: Optional[Mapping[str, str]] = None,
        wait: float = 0.0,
        timeout: Optional[float] = None,
        patience: Optional[float] = None,
        is_repeatable: bool = True,
        is_stubborn: bool = False,
        breaker: Optional[Breaker] = None,
        on_retry: Optional[Callable[[ClientError], None]] = None,
        read: Optional[Reader] = None,
        read_text: Optional[Callable[[bytes], Any]] = None,
    ) -> Any:
        """Sends a call; returns its answer through ``read`` (parsed JSON) or ``read_text`` (raw bytes).

        ``content`` is a body as bytes: JSON text, unless ``headers`` have another type. ``upload`` is one of any size.
        ``repeat_body`` replaces the body when the call is repeated. Times are in seconds: ``wait`` is how long the service may park
        the call, ``timeout`` the rest of one try, and ``patience`` how long to retry. An invalid answer counts as
        missing. A stubborn call also retries after a rejected key. It ends only with an answer or when the service
        rejects the request itself.

        Raises ConnectionFailed, ApiError or Interrupted.
        """
        target = self._target(path, query)
        # A caller that reads no answer accepts an empty one.
        reader = _read_anything if read is None and read_text is None else read_text or _reader_of(read)
        sent = content if body is None else write_json(body)
        limit = wait + (self._request_timeout if timeout is None else timeout)

        def once(attempt: int) -> Any:
            content = write_json(repeat_body) if attempt > 0 and repeat_body is not None else sent
            answer = self._exchange(method, target, content, headers or {}, limit, breaker, upload)
            return self._read(answer, f"{method} {target}", reader)

        def may_repeat(error: ClientError) -> bool:
            return _may_repeat(error, is_repeatable, is_stubborn)

        return self._repeated(once, may_repeat, patience=patience, breaker=breaker, on_retry=on_retry)

    def download(
        self,
        name: str,
        path: str,
        *,
        timeout: Optional[float] = None,
        patience: Optional[float] = None,
        on_retry: Optional[Callable[[ClientError], None]] = None,
    ) -> Download:
        """Opens a download, and repeats that as :meth:`call` does. A redirect is followed without the key.

        ``timeout`` limits each read. All reads together may take as long as at 64 KiB a second. Raises ConnectionFailed or
        ApiError.
        """
        limit = self._request_timeout if timeout is None else timeout

        def once(_attempt: int) -> Download:
            return self._open(name, self._target(path, None), limit)

        def may_repeat(error: ClientError) -> bool:
            return _may_repeat(error, is_repeatable=True, is_stubborn=False)

        return self._repeated(once, may_repeat, patience=patience, on_retry=on_retry)

    def _repeated(
        self,
        once: Callable[[int], _Result],
        may_repeat: Callable[[ClientError], bool],
        *,
        patience: Optional[float],
        breaker: Optional[Breaker] = None,
        on_retry: Optional[Callable[[ClientError], None]],
    ) -> _Result:
        give_up_at = time.monotonic() + (self._patience if patience is None else patience)
        attempt = 0
        while True:
            try:
                return once(attempt)
            except (ConnectionFailed, ApiError) as error:
                pause = _pause_after(error, attempt)
                if not may_repeat(error) or time.monotonic() + pause > give_up_at:
                    raise
                if on_retry is not None:
                    on_retry(error)
            attempt += 1
            self._rest(self._spacing.from_now(pause), breaker)

    def close(self) -> None:
        """Closes the idle connections."""
        self._connections.close()

    def _target(self, path: str, query: Optional[Mapping[str, Any]]) -> str:
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        return f"{self._base}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")

    @staticmethod
    def _rest(seconds: float, breaker: Optional[Breaker]) -> None:
        if breaker is None:
            time.sleep(seconds)
        else:
            breaker.wait(seconds)

    def _read(self, answer: Answer, call: str, read_text: Callable[[bytes], Any]) -> Any:
        status = answer.status
        if 200 <= status < 300:
            try:
                return read_text(answer.text)
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
                # Later data on this connection may belong to other calls.
                self.close()
                message = f"{call}: {self._origin} sent an invalid answer: {error!r}"
                raise UnexpectedAnswer(message, status, _seconds(answer.retry_after)) from error
        raise self._refusal(answer, call)

    def _refusal(self, answer: Answer, call: str) -> ClientError:
        """The service's problem, or an error for an answer that is not the service's."""
        retry_after = _seconds(answer.retry_after)
        problem = _problem_of(answer.text)
        if problem is not None:
            return api_error(answer.status, problem, retry_after)
        message = f"{call}: {self._origin} answered {answer.status} without a problem document; is this the queue service?"
        return UnexpectedAnswer(message, answer.status, retry_after)

    def _exchange(
        self,
        method: str,
        target: str,
        content: Optional[bytes],
        headers: Mapping[str, str],
        limit: float,
        breaker: Optional[Breaker],
        upload: Optional[Upload] = None,
    ) -> Answer:
        if breaker is not None and breaker.is_broken:
            raise Interrupted("The call was aborted before it was sent")
        try:
            connection = self._connections.take(limit)
            watched = connection.sock
            self._limits.watch(watched, limit)
            if breaker is not None:
                breaker.watch(watched)
            is_done = False
            try:
                if upload is None:
                    connection.request(method, target, content, self._headers(content, headers))
                else:
                    with upload.open() as source:
                        given = {**self._headers(None, headers), "Content-Length": str(upload.size)}
                        try:
                            connection.request(method, target, source, given)
                        except (BrokenPipeError, ConnectionResetError):
                            pass  # The service refused the upload before its end, and has answered.
                response = connection.getresponse()
                text = _text_of(response, self._longest_answer)
                is_done = _is_final(response) and not response.will_close
            finally:
                self._limits.forget(watched)
                if breaker is not None:
                    breaker.forget(watched)
                if is_done:
                    self._connections.give_back(connection)
                else:
                    connection.close()
            return Answer(response.status, response.getheader("Retry-After"), text)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if breaker is not None and breaker.is_broken:
                raise Interrupted("The call was aborted") from error
            raise ConnectionFailed(
                f"{method} {target}: cannot reach {self._origin}: {error or type(error).__name__}"
            ) from error

    def _open(self, name: str, target: str, limit: float) -> Download:
        headers = self._headers(None, {"Accept": "*/*"})
        own = _Source(self._connections, target, headers, self._origin)
        response, finish = self._begin(own, limit)
        if response.status == 200:
            return Download(name, response, self._origin, finish)
        location = response.getheader("Location") if response.status == 307 else None
        try:
            text = _text_of(response, self._longest_answer)
        except (OSError, ValueError, http.client.HTTPException) as error:
            finish(False)
            raise ConnectionFailed(f"GET {target}: {self._origin} sent no complete answer: {error!r}") from error
        finish(_is_final(response))
        if location is None:
            answer = Answer(response.status, response.getheader("Retry-After"), text)
            raise self._refusal(answer, f"GET {target}")
        # Only the service may get the key.
        other = _source_at(urllib.parse.urljoin(self._origin + target, location))
        response, finish = self._begin(other, limit)
        if response.status == 200:
            download = Download(name, response, other.origin, finish)
            # Another server cannot vouch for the digest of the artifact.
            download.sha256 = None
            return download
        finish(False)
        raise UnexpectedAnswer(f"GET {target}: {other.origin} answered {response.status}", response.status)

    def _begin(self, source: "_Source", limit: float) -> "_Begun":
        """Sends a request; returns the response and how to end the exchange: True keeps the connection."""
        try:
            connection = source.connections.take(limit)
        except (OSError, ValueError) as error:
            raise _unreachable(source, error) from error
        watched = connection.sock
        self._limits.watch(watched, limit)

        def finish(is_done: bool) -> None:
            self._limits.forget(watched)
            if is_done and not response.will_close and source.connections is self._connections:
                self._connections.give_back(connection)
            else:
                connection.close()

        try:
            connection.request("GET", source.target, None, source.headers)
            response = connection.getresponse()
        except BaseException as error:
            self._limits.forget(watched)
            connection.close()
            if isinstance(error, (OSError, ValueError, http.client.HTTPException)):
                raise _unreachable(source, error) from error
            raise
        self._limits.watch(watched, limit + (response.length or LONGEST_DOWNLOAD) / SLOWEST_RATE)
        return _Begun(response, finish)

    def _headers(self, content: Optional[bytes], headers: Mapping[str, str]) -> Dict[str, str]:
        given = {"Accept": "application/json", **headers}
        if self._api_key is not None:
            given["X-API-Key"] = self._api_key
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        return given


class _Source(NamedTuple):
    """Where a download comes from."""

    connections: Connections
    target: str
    headers: Mapping[str, str]
    origin: str


class _Begun(NamedTuple):
    response: http.client.HTTPResponse
    finish: Callable[[bool], None]


class _Address(NamedTuple):
    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}"


class _Spacing:
    """Spaces out the retries of all threads, so that a worker with a hundred slots retries no faster than one with a
    single slot.

    A call with a long ``Retry-After`` reserves its own time and delays no other call.
    """

    def __init__(self) -> None:
        #: Reserved times of calls, in order. Past ones are dropped.
        self._booked: List[float] = []
        renew_after_fork(self)

    def renew(self) -> None:
        self._lock = threading.Lock()

    def from_now(self, pause: float) -> float:
        """Returns the seconds to wait before the next repeated call, at least ``pause``."""
        now = time.monotonic()
        at = now + pause
        with self._lock:
            self._booked = [each for each in self._booked if each > now - REPEAT_SPACING]
            for each in self._booked:
                if abs(each - at) < REPEAT_SPACING:
                    at = each + REPEAT_SPACING
            bisect.insort(self._booked, at)
        return at - now


def _address_of(url: str) -> _Address:
    """Parses the URL. Raises ValueError that never quotes the URL, because the URL may hold a password or a key."""
    parts = urllib.parse.urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("The URL of the service must hold no credentials: give the key as api_key")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(WRONG_URL)
    is_tls = parts.scheme == "https"
    try:
        port = parts.port
    except ValueError:
        # The original error quotes the port, which may be a password that contains a slash.
        raise ValueError(WRONG_URL) from None
    return _Address(is_tls, parts.hostname, port if port is not None else 443 if is_tls else 80, parts.path.rstrip("/"))


def _source_at(url: str) -> _Source:
    """The target of a redirect. Errors never quote the URL, because its query may grant access."""
    parts = urllib.parse.urlsplit(url)
    try:
        address = _address_of(urllib.parse.urlunsplit((parts.scheme, parts.netloc, "", "", "")))
    except ValueError:
        raise UnexpectedAnswer("The service redirected a download to an invalid address", 307) from None
    connections = Connections(address.host, address.port, is_tls=address.is_tls, tls=None)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return _Source(connections, target, {}, address.origin)


def _unreachable(source: _Source, error: BaseException) -> ConnectionFailed:
    reason = str(error) if isinstance(error, OSError) else ""
    return ConnectionFailed(f"Cannot reach {source.origin}: {reason or type(error).__name__}")


def _is_final(response: http.client.HTTPResponse) -> bool:
    return response.status >= 200 and response.status not in WITHOUT_BODY


def _may_repeat(error: ClientError, is_repeatable: bool, is_stubborn: bool) -> bool:
    if isinstance(error, ApiError):
        if is_stubborn and is_repeatable:
            # ``not_found`` means an unknown route: the address is wrong, or the service is an old version. Both may be
            # temporary.
            return error.status not in REFUSED or error.code == "not_found"
        if error.status not in WORTH_REPEATING:
            return False
        return is_repeatable or error.status == 429 or error.applied is False
    if isinstance(error, UnexpectedAnswer) and error.status == 429:
        return True
    return is_repeatable


def _pause_after(error: ClientError, attempt: int) -> float:
    """Grows with each attempt and varies per caller, so that clients that failed together do not retry together."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 16))
    asked = error.retry_after if isinstance(error, (ApiError, UnexpectedAnswer)) else None
    return (asked or 0.0) + longest * random.uniform(0.5, 1.0)


def _text_of(response: http.client.HTTPResponse, longest: int) -> bytes:
    pieces: List[bytes] = []
    size = 0
    while not response.isclosed():
        # Announced bytes count before they are read.
        if size + (response.length or 0) > longest:
            raise http.client.HTTPException(f"the answer has more than {longest} bytes")
        piece = response.read(PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    if size > longest:
        raise http.client.HTTPException(f"the answer has more than {longest} bytes")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)


def _reader_of(read: Optional[Reader]) -> Callable[[bytes], Any]:
    return lambda text: read_json(text) if read is None else read(read_json(text))


def _read_anything(text: bytes) -> Any:
    return read_json(text) if text else None


def _problem_of(text: bytes) -> Optional[Mapping[str, Any]]:
    """Returns the service's problem document; None when another server answered."""
    try:
        problem = read_json(text)
    except (ValueError, RecursionError):
        return None
    is_problem = isinstance(problem, dict) and isinstance(problem.get("code"), str)
    return problem if is_problem else None


def _seconds(header: Optional[str]) -> Optional[float]:
    """Accepts whole seconds only: the service sends no dates. Negative and infinite values are ignored."""
    if header is None or not (header.isascii() and header.isdigit()) or len(header) > 9:
        return None
    return min(float(header), LONGEST_RETRY_AFTER)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
