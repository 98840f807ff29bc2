"""What this package raises on purpose. A program branches on the class, or on ``code``."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Type


class ClientError(Exception):
    """Everything below is one of these."""

    code = "client_error"


class ConnectionFailed(ClientError):
    """No answer came, or half of one. A call that changes something may have been carried out."""

    code = "connection_failed"


class UnexpectedAnswer(ConnectionFailed):
    """An answer came that is not the service's, or not one to this call: a proxy's page, a redirect, half a document."""

    code = "unexpected_answer"

    def __init__(self, message: str, status: int, retry_after: Optional[float] = None) -> None:
        super().__init__(message)
        self.status = status
        #: Seconds to wait before the next try.
        self.retry_after = retry_after


class WaitTimeout(ClientError):
    """What was waited for did not come in time."""

    code = "wait_timeout"


class Interrupted(ClientError):
    """The call was broken off by its own caller."""

    code = "interrupted"


class ApiError(ClientError):
    """The service answered that it did not do it. ``code`` is that of the problem, see docs/errors.md."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"The service answered {status}"))
        self.status = status
        self.problem: Dict[str, Any] = dict(problem)
        self.code: str = problem.get("code") or f"http_{status}"
        #: Whether the change was made all the same: False, "unknown", or None where that is no question.
        self.applied = problem.get("applied")
        errors = problem.get("errors")
        #: The fields at fault.
        self.errors: List[Dict[str, str]] = errors if isinstance(errors, list) else []
        #: Seconds to wait before the next try.
        self.retry_after = retry_after


class Unauthorized(ApiError):
    pass


class Forbidden(ApiError):
    pass


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class InvalidRequest(ApiError):
    pass


class Unavailable(ApiError):
    """The service is full, or cannot take it now, and stayed so for as long as the client was patient."""


class LeaseLost(Conflict):
    """The lease is not the one that holds the task now: whoever works under it stops."""

    @property
    def reason(self) -> Optional[str]:
        return self.problem.get("reason")


_BY_STATUS: Dict[int, Type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: Unavailable,
    503: Unavailable,
}


def api_error(status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None) -> ApiError:
    """The error for a problem that the service answered."""
    if problem.get("code") == "lease_lost":
        return LeaseLost(status, problem, retry_after)
    return _BY_STATUS.get(status, ApiError)(status, problem, retry_after)


class TaskStopped(ClientError):
    """Why the work on a task is to stop: ``lease_lost``, ``cancelled``, ``deadline`` or ``shutdown``."""

    def __init__(self, code: str, message: str, reason: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class PermanentError(ClientError):
    """Raised by a handler: trying again would not help."""

    code = "permanent"

    def __init__(self, message: str, exit_code: Optional[int] = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RetryLater(ClientError):
    """Raised by a handler: try again after this many seconds, if attempts are left."""

    code = "retry_later"

    def __init__(self, seconds: float, message: str = "", exit_code: Optional[int] = None) -> None:
        super().__init__(message or f"To be tried again in {seconds} s")
        self.seconds = seconds
        self.exit_code = exit_code


class AttemptFailed(ClientError):
    """Raised by a handler that knows the exit code of what it ran."""

    code = "failed"

    def __init__(self, message: str, exit_code: Optional[int] = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
