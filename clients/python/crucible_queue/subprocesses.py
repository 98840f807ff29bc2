"""Runs a program for a task, and leaves none of its processes behind."""

from __future__ import annotations

import codecs
import dataclasses
import errno
import os
import selectors
import signal
import subprocess
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Union

from .errors import AttemptFailed, PermanentError, RetryLater
from .models import ClaimedTask
from .payload import write_json
from .running import LONGEST_WAIT, Context

#: The end of standard error that a failure shows, in bytes.
ERROR_TAIL = 8192
#: Maximum bytes of standard output: with escapes, a report of this size still fits into a request.
LONGEST_OUTPUT = 1_500_000
#: Maximum bytes of a line that ``on_line`` gets; longer ones come in pieces.
LONGEST_LINE = 65_536
#: Seconds that pipes may stay open after the program has ended. A process outside its group may hold them.
LONGEST_DRAIN = 1.0
PIECE = 65_536
#: sysexits.h: EX_DATAERR means wrong input. A retry would fail too.
WRONG_INPUT = 65
#: Seconds before a task is retried after this machine ran out of processes or descriptors.
FULL_MACHINE_DELAY = 5.0
FULL_MACHINE = frozenset((errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM))

OnLine = Callable[[str, str], Any]

#: Groups of running programs.
_groups: Set[int] = set()
_groups_lock = threading.Lock()


@dataclasses.dataclass
class Finished:
    """The end of a program. ``returncode`` is negative for a signal; ``stderr`` is the end of standard error."""

    returncode: int
    stdout: str
    stderr: str


def run_subprocess(
    task: ClaimedTask,
    ctx: Context,
    args: Sequence[Union[str, "os.PathLike[str]"]],
    *,
    input: Optional[Union[str, bytes]] = None,
    cwd: Optional[Union[str, "os.PathLike[str]"]] = None,
    env: Optional[Mapping[str, str]] = None,
    timeout: Optional[float] = None,
    kill_after: float = 5.0,
    on_line: Optional[OnLine] = None,
    check: bool = True,
) -> Finished:
    """Runs a program for a task and returns when it has ended. POSIX only.

    Standard input is ``input``, by default the task's code. The environment is ``env``, by default that of this process
    without the API key, plus ``QUEUE_EVAL_ID`` and the other variables of ``crucible-queue work``. ``on_line`` gets
    each line once it is whole, after ``"stdout"`` or ``"stderr"``, for example to report progress.

    The program leads its own process group. When the handler must stop, or after ``timeout`` seconds, the group gets
    SIGTERM, and SIGKILL ``kill_after`` seconds later, or earlier if the worker would abandon the handler before. What
    remains of the group when the program has ended is killed too. Only a process that left the group can escape.

    Raises TaskStopped when the handler must stop. With ``check``, raises AttemptFailed with the exit code and the end
    of standard error, or PermanentError for exit code 65. Raises PermanentError for an input or output that is not
    UTF-8 and for more than 1.5 MB of output, RetryLater when this machine is out of processes, and OSError when the
    program cannot be started.
    """
    if os.name != "posix":
        raise NotImplementedError("run_subprocess needs process groups, which this system does not have")
    ctx.raise_if_cancelled()
    content = _bytes_of(task.code if input is None else input)
    with _Run(ctx, min(kill_after, ctx.stop_limit / 2), on_line) as run:
        try:
            process = run.start(args, cwd, {**(_without_key() if env is None else env), **_variables_of(task)})
        except ValueError as error:
            raise PermanentError(f"The task cannot be passed to the program: {error}") from error
        except OSError as error:
            raise _start_failure(error) from error
        run.follow(content, timeout)
    ctx.raise_if_cancelled()
    said = run.error_text()
    if run.has_timed_out:
        raise AttemptFailed(f"The program ran for longer than {timeout:g} s\n{said}".rstrip(), cause="timeout")
    if check and process.returncode != 0:
        message = said if said.strip() else _end_in_words(process.returncode)
        if process.returncode == WRONG_INPUT:
            raise PermanentError(message, process.returncode)
        raise AttemptFailed(message, process.returncode)
    return Finished(process.returncode, run.output_text(), said)


def kill_all() -> None:
    """Kills the programs of a process that is about to end."""
    with _groups_lock:
        for group in _groups:
            _signal(group, signal.SIGKILL)


class _Run:
    def __init__(self, ctx: Context, kill_after: float, on_line: Optional[OnLine]) -> None:
        self.has_timed_out = False
        self._program: Optional["subprocess.Popen[bytes]"] = None
        self._ctx = ctx
        self._kill_after = kill_after
        self._on_line = on_line
        self._output = bytearray()
        self._is_too_long = False
        self._error = bytearray()
        self._lines = {name: _Lines() for name in ("stdout", "stderr")}
        self._has_ended = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> "_Run":
        try:
            self._selector = selectors.DefaultSelector()
            self._woken, self._wake = os.pipe()
        except OSError as error:
            raise _start_failure(error) from error
        os.set_blocking(self._woken, False)
        self._is_open = True
        return self

    def start(
        self,
        args: Sequence[Union[str, "os.PathLike[str]"]],
        cwd: Optional[Union[str, "os.PathLike[str]"]],
        environment: Mapping[str, str],
    ) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        self._program = subprocess.Popen(
            list(args),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
        with _groups_lock:
            _groups.add(self._program.pid)
        return self._program

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        assert self._program is not None
        return self._program

    def follow(self, content: bytes, timeout: Optional[float]) -> None:
        """Feeds the program and reads from it until it has ended."""
        self._register(content)
        forget = self._ctx.when_stopped(self._rouse)
        waiter = threading.Thread(target=self._wait, name="crucible-program", daemon=True)
        waiter.start()
        try:
            self._loop(None if timeout is None else time.monotonic() + timeout)
        finally:
            forget()
            _signal(self._process.pid, signal.SIGKILL)
            waiter.join()
        for name, lines in self._lines.items():
            self._tell(name, lines.rest())

    def __exit__(self, *_error: object) -> None:
        """Ends the whole group. The program stays a zombie until here, so its number names no other group."""
        program = self._program
        if program is not None:
            with _groups_lock:
                _signal(program.pid, signal.SIGKILL)
                _groups.discard(program.pid)
            program.wait()
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    _close(pipe)
        self._selector.close()
        with self._lock:
            self._is_open = False
            os.close(self._woken)
            os.close(self._wake)

    def output_text(self) -> str:
        if self._is_too_long:
            raise PermanentError(f"The output is larger than {LONGEST_OUTPUT} bytes")
        try:
            return self._output.decode()
        except UnicodeDecodeError:
            raise PermanentError("The output is not UTF-8; encode other bytes, for example with base64") from None

    def error_text(self) -> str:
        return self._error.decode("utf-8", "replace")

    def _register(self, content: bytes) -> None:
        self._left = memoryview(content)
        self._selector.register(self._woken, selectors.EVENT_READ, "wake")
        for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, name)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._selector.register(self._process.stdin, selectors.EVENT_WRITE, "stdin")

    def _wait(self) -> None:
        """Waits without reaping, where the system can."""
        try:
            if hasattr(os, "waitid"):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            else:
                self._process.wait()
        except ChildProcessError:
            pass  # This process ignores SIGCHLD, so the system reaps at once.
        self._has_ended.set()
        self._rouse()

    def _rouse(self) -> None:
        with self._lock:
            # Later, the number may name another file.
            if self._is_open:
                os.write(self._wake, b"x")

    def _loop(self, ends_at: Optional[float]) -> None:
        kill_at: Optional[float] = None
        drained_at: Optional[float] = None
        while True:
            now = time.monotonic()
            if drained_at is None and self._has_ended.is_set():
                drained_at = now + LONGEST_DRAIN
                # What the program left behind may hold the pipes.
                _signal(self._process.pid, signal.SIGKILL)
            if drained_at is not None:
                if drained_at <= now or not self._is_registered("stdout", "stderr"):
                    return
            elif kill_at is None and (self._ctx.cancelled or (ends_at is not None and ends_at <= now)):
                self.has_timed_out = not self._ctx.cancelled
                kill_at = now + self._kill_after
                _signal(self._process.pid, signal.SIGTERM)
            elif kill_at is not None and kill_at <= now:
                _signal(self._process.pid, signal.SIGKILL)
                kill_at = now + self._kill_after
            moment = drained_at if drained_at is not None else kill_at if kill_at is not None else ends_at
            limit = None if moment is None else min(max(0.0, moment - now), LONGEST_WAIT)
            for key, _ in self._selector.select(limit):
                self._serve(key)

    def _is_registered(self, *names: str) -> bool:
        return any(key.data in names for key in self._selector.get_map().values())

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data == "stdin":
            self._write(key)
        elif key.data == "wake":
            os.read(key.fd, PIECE)
        else:
            self._read(key)

    def _write(self, key: selectors.SelectorKey) -> None:
        try:
            sent = os.write(key.fd, self._left[:PIECE]) if self._left else 0
        except BlockingIOError:
            return
        except OSError:
            self._left = memoryview(b"")  # The program need not read all of its input.
        else:
            self._left = self._left[sent:]
        if not self._left:
            self._selector.unregister(key.fileobj)
            _close(key.fileobj)

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            piece = os.read(key.fd, PIECE)
        except BlockingIOError:
            return
        if not piece:
            self._selector.unregister(key.fileobj)
            return
        if key.data == "stderr":
            self._error += piece
            del self._error[:-ERROR_TAIL]
        elif len(self._output) + len(piece) > LONGEST_OUTPUT:
            self._is_too_long = True
        else:
            self._output += piece
        if self._on_line is not None:
            self._tell(key.data, self._lines[key.data].add(piece))

    def _tell(self, name: str, lines: Sequence[str]) -> None:
        if self._on_line is not None:
            for line in lines:
                self._on_line(name, line)


class _Lines:
    """Splits a stream of bytes into lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def add(self, piece: bytes) -> List[str]:
        *lines, self._begun = (self._begun + self._decoder.decode(piece)).split("\n")
        if len(self._begun) > LONGEST_LINE:
            lines.append(self._begun)
            self._begun = ""
        return [line[:-1] if line.endswith("\r") else line for line in lines]

    def rest(self) -> List[str]:
        begun, self._begun = self._begun + self._decoder.decode(b"", final=True), ""
        return [begun] if begun else []


def _start_failure(error: OSError) -> Exception:
    if error.errno in FULL_MACHINE:
        return RetryLater(FULL_MACHINE_DELAY, f"The worker's machine is out of resources: {error}")
    if error.errno == errno.E2BIG:
        return PermanentError(f"The task cannot be passed to the program: {error}")
    return error


def _without_key() -> Dict[str, str]:
    """This process's environment without the variables that hold the API key, under any name."""
    key = os.environ.get("QUEUE_API_KEY", "").strip()
    rest = {name: value for name, value in os.environ.items() if name != "QUEUE_API_KEY"}
    return {name: value for name, value in rest.items() if key not in value} if key else rest


def _variables_of(task: ClaimedTask) -> Dict[str, str]:
    variables = {
        "QUEUE_EVAL_ID": task.eval_id,
        "QUEUE_ATTEMPT": str(task.attempt),
        "QUEUE_LEASE_ID": task.lease_id,
        "QUEUE_NAME": task.queue,
        "QUEUE_LANGUAGE": task.language,
        "QUEUE_ENGINE": task.engine,
        "QUEUE_TIMEOUT": f"{task.timeout:g}",
        "QUEUE_METADATA": write_json(task.metadata).decode(),
        "QUEUE_CHECKPOINT": write_json(task.checkpoint).decode(),
        "QUEUE_CHECKPOINT_ATTEMPT": str(task.checkpoint_attempt or ""),
    }
    if task.traceparent is not None:
        variables["TRACEPARENT"] = task.traceparent
    return variables


def _bytes_of(text: Union[str, bytes]) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise PermanentError("The code contains an unpaired surrogate, which UTF-8 cannot encode") from None


def _end_in_words(code: int) -> str:
    if code >= 0:
        return f"The program exited with {code}"
    try:
        return f"The program was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"The program was ended by signal {-code}"


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except OSError:
        pass  # It has ended, or the rest belongs to another user.


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        pass  # The other end is closed.
