"""The errors of this package. Programs branch on the class or on ``code``."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Type


class ClientError(Exception):
    """Base of all errors of this package."""

    code = "client_error"


class ConnectionFailed(ClientError):
    """The response is missing or incomplete. The service may have performed the call."""

    code = "connection_failed"


class UnexpectedAnswer(ConnectionFailed):
    """The response is not a valid answer to this call: a proxy's page, a redirect, or an incomplete document."""

    code = "unexpected_answer"

    def __init__(self, message: str, status: int, retry_after: Optional[float] = None) -> None:
        super().__init__(message)
        self.status = status
        #: Seconds to wait before the next try.
        self.retry_after = retry_after


class WaitTimeout(ClientError):
    """The awaited end did not come in time."""

    code = "wait_timeout"


class Interrupted(ClientError):
    """The caller aborted the call."""

    code = "interrupted"


class ApiError(ClientError):
    """The service rejected the call. ``code`` is the problem's code; see docs/errors.md."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"The service answered {status}"))
        self.status = status
        self.problem: Dict[str, Any] = dict(problem)
        self.code: str = problem.get("code") or f"http_{status}"
        #: Whether the change may have been made: False, "unknown", or None when the problem does not say.
        self.applied = problem.get("applied")
        errors = problem.get("errors")
        #: The invalid fields.
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
    """The service stayed overloaded or unavailable for the whole ``patience``."""


class LeaseLost(Conflict):
    """The lease no longer holds the task. The worker must stop the work."""

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
    """Creates the error that matches a problem."""
    if problem.get("code") == "lease_lost":
        return LeaseLost(status, problem, retry_after)
    return _BY_STATUS.get(status, ApiError)(status, problem, retry_after)


class TaskStopped(ClientError):
    """Why a handler must stop: ``lease_lost``, ``cancelled``, ``deadline`` or ``shutdown``."""

    def __init__(self, code: str, message: str, reason: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class PermanentError(ClientError):
    """Raise it in a handler when a retry cannot succeed."""

    code = "permanent"

    def __init__(self, message: str, exit_code: Optional[int] = None, cause: Optional[str] = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.cause = cause


class RetryLater(ClientError):
    """Raise it in a handler to retry after this many seconds, if attempts are left."""

    code = "retry_later"

    def __init__(
        self, seconds: float, message: str = "", exit_code: Optional[int] = None, cause: Optional[str] = None
    ) -> None:
        super().__init__(message or f"Retry in {seconds} s")
        self.seconds = seconds
        self.exit_code = exit_code
        self.cause = cause


class AttemptFailed(ClientError):
    """Raise it in a handler that knows the exit code of its program, or a short name for the reason, such as ``oom``."""

    code = "failed"

    def __init__(self, message: str, exit_code: Optional[int] = None, cause: Optional[str] = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.cause = cause
