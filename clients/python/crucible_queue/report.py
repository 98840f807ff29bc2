"""A worker's reports: first unchanged, then in a form that can be sent."""

from __future__ import annotations

import re
import traceback
from typing import Any, Dict, List, Mapping, NamedTuple

from .errors import AttemptFailed, PermanentError, RetryLater
from .payload import write_json

#: Maximum characters of an error. An escape can take six bytes per character, and a request holds 2 MiB.
LONGEST_ERROR = 250_000
#: The end of a long error names the failure; the beginning names the place.
KEPT_BEGINNING = 50_000
#: Maximum characters of an error in the worker's log.
LONGEST_IN_LOG = 1000
#: Seconds: the longest delay that the service accepts.
LONGEST_RETRY_AFTER = 31_622_400.0
#: The service's range of exit codes.
SMALLEST_EXIT_CODE = -2_147_483_648
LARGEST_EXIT_CODE = 4_294_967_295
#: The service's form of a cause.
CAUSE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Report(NamedTuple):
    """A report: ``complete`` or ``fail`` with these members."""

    verb: str
    members: Mapping[str, Any]

    def content(self, lease_id: str) -> bytes:
        """Returns the body as JSON. Raises the errors of the output's own code."""
        return write_json({"lease_id": lease_id, **self.members})


class ReportedFailure(Exception):
    """A failure that another process has already turned into a report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.members.get("error"))
        self.report = report


def completion(output: Any) -> Report:
    return Report("complete", {} if output is None else {"output": output})


def failure(error: BaseException) -> Report:
    """Builds the report of a handler's error.

    Values that the service would reject are omitted, and the error text names them.
    """
    if isinstance(error, ReportedFailure):
        return error.report
    notes: List[str] = []
    members: Dict[str, Any] = {}
    if isinstance(error, PermanentError):
        members["retryable"] = False
    if isinstance(error, RetryLater):
        members.update(_retry_after(error.seconds, notes))
    if isinstance(error, (PermanentError, RetryLater, AttemptFailed)):
        members.update(_exit_code(error.exit_code, notes))
        members.update(_cause(error.cause, notes))
        text = _message_of(error)
    else:
        text = _traceback_of(error)
    return Report("fail", {"error": _cut("\n".join([text, *notes])), **members})


def refused_output(why: BaseException) -> Report:
    """The report for an output that cannot be sent. A retry would give the same output, so it is permanent."""
    text = f"The output cannot be sent: {type(why).__name__}: {_message_of(why)}"
    return Report("fail", {"error": _cut(text), "retryable": False})


def refused_failure(report: Report, why: BaseException) -> Report:
    """The report for a failure that the service rejected. This form has only valid members."""
    text = f"The failure cannot be sent as it was: {_message_of(why)}"
    retryable = {name: value for name, value in report.members.items() if name == "retryable"}
    return Report("fail", {"error": text[:1000], **retryable})


def visible(error: BaseException) -> str:
    """The text of an error for a log: one line, shortened, with control characters escaped."""
    text = _message_of(error)
    shown = text if len(text) <= LONGEST_IN_LOG else f"{text[:LONGEST_IN_LOG]}…"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)


def _retry_after(seconds: Any, notes: List[str]) -> Dict[str, float]:
    if not isinstance(seconds, (int, float)) or seconds != seconds:
        notes.append(f"(retry_after {_shown(seconds)} is not a number of seconds: the backoff of the task decides)")
        return {}
    taken = min(max(seconds, 0), LONGEST_RETRY_AFTER)
    if taken != seconds:
        notes.append(f"(retry_after {_shown(seconds)} was taken as {taken} s)")
    return {"retry_after": taken}


def _exit_code(code: Any, notes: List[str]) -> Dict[str, int]:
    if code is None:
        return {}
    is_whole = isinstance(code, int) and not isinstance(code, bool)
    if is_whole and SMALLEST_EXIT_CODE <= code <= LARGEST_EXIT_CODE:
        return {"exit_code": int(code)}
    notes.append(f"(exit code {_shown(code)} is not valid and was omitted)")
    return {}


def _cause(cause: Any, notes: List[str]) -> Dict[str, str]:
    if cause is None:
        return {}
    if isinstance(cause, str) and CAUSE.fullmatch(cause):
        return {"cause": _plain(cause)}
    notes.append(f"(cause {_shown(cause)} is not valid and was omitted)")
    return {}


def _message_of(error: BaseException) -> str:
    """The text of an error, even when its ``__str__`` raises."""
    try:
        return _plain(str(error)) or type(error).__name__
    except BaseException as raised:
        return f"{type(error).__name__} (its text raises {type(raised).__name__})"


def _traceback_of(error: BaseException) -> str:
    try:
        return _plain("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except BaseException:
        return _message_of(error)


def _shown(value: Any) -> str:
    try:
        text = _plain(repr(value))
    except BaseException:
        text = type(value).__name__
    return text if len(text) <= 100 else f"{text[:100]}…"


def _plain(text: Any) -> str:
    """Converts to a plain string, because a subclass of str may override its encoding."""
    return str.__str__(text)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_ERROR:
        return text
    rest = LONGEST_ERROR - KEPT_BEGINNING
    left_out = len(text) - LONGEST_ERROR
    return f"{text[:KEPT_BEGINNING]}\n… {left_out} characters left out …\n{text[-rest:]}"
