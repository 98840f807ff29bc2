"""A worker for Python code: runs each task in its own process and reports the output.

An example on top of the client library, which claims tasks, sends heartbeats, retries calls and reports when the worker
leaves. The code gets the lease of its own task and never the worker's key:

- As root, the worker runs the code as another user (``QUEUE_TASK_USER``, ``nobody``), who cannot read the worker's
  memory.
- As another user, the worker makes its memory unreadable to processes of that user (``PR_SET_DUMPABLE``, Linux).
- Where the system allows it, the code also gets its own user and process namespaces. It cannot see or signal other
  processes, and processes that it leaves behind end with it.

At startup the worker logs which of these protections are missing.

The code shares the file system and the network with the worker. Run untrusted code in a sandbox.
"""

import codecs
import ctypes
import logging
import os
import pwd
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from crucible_queue import AttemptFailed, PermanentError, Worker

#: Bytes. The service takes reports of up to 2 MiB.
MOST_OUTPUT = 1_000_000
ERROR_TAIL = 4000
PIECE = 65_536
#: Seconds between two checks of the lease while the code prints nothing.
LOOK = 0.1
#: Seconds that pipes may stay open after the code has ended, because a remaining process may hold them open.
DRAIN = 0.25
PR_SET_DUMPABLE = 4
#: The last shell is the first process of its namespace and ignores its own signals; the code is its child.
NAMESPACES = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh"]

logger = logging.getLogger("worker")


class Visible(logging.Formatter):
    """Escapes control characters, so that texts of tasks and servers cannot steer a terminal."""

    def format(self, record):
        text = super().format(record)
        return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)


class Isolation:
    """How the worker isolates the code of tasks. Determined and logged once."""

    def __init__(self):
        self.options = {}
        self.prefix = []
        is_root = os.geteuid() == 0
        name = self._change_user() if is_root else None
        is_hidden = _hide_memory() and not is_root
        self._enter_namespaces()
        logger.info("Task code runs as %s", name or "the user of the worker")
        if not (name or is_hidden or self.prefix):
            logger.warning("NOT ISOLATED: task code can read the memory of this worker, and with it QUEUE_API_KEY")
        if is_root and name is None:
            logger.warning("NOT ISOLATED: task code can read and write what belongs to root on this machine")
        if not self.prefix:
            logger.warning("NOT ISOLATED: task code sees other processes and may leave processes behind")

    def _change_user(self):
        """Returns the name of the user that runs the code; None when that user cannot run Python."""
        name = os.environ.get("QUEUE_TASK_USER", "nobody")
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            raise SystemExit(f"QUEUE_TASK_USER: this machine has no user {name!r}") from None
        if user.pw_uid == 0:
            raise SystemExit("QUEUE_TASK_USER must not be root: root can read the key of the worker")
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if not _can([sys.executable, "-c", ""], options):
            logger.warning("%s cannot run %s: install Python where every user can read it", name, sys.executable)
            return None
        self.options = options
        return name

    def _enter_namespaces(self):
        """Adds a command that starts the code in its own namespaces, where the system allows it."""
        if shutil.which("unshare") is not None and _can([*NAMESPACES, "true"], self.options):
            self.prefix = NAMESPACES


def _can(command, options):
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, check=False, cwd="/tmp", **quiet, **options).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _hide_memory():
    """Hides this process's environment and memory from processes of the same user; False when the system does not
    support it.
    """
    try:
        return ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    except (OSError, AttributeError):
        return False


def environment_of(task):
    """The environment of the code: the worker's path and the lease of the task, without other variables."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "QUEUE_URL": URL,
        "QUEUE_EVAL_ID": task.eval_id,
        "QUEUE_LEASE_ID": task.lease_id,
        "QUEUE_ATTEMPT": str(task.attempt),
    }


class Children:
    """Starts processes. As the first process of a container it also reaps orphaned processes."""

    def __init__(self):
        self._lock = threading.Lock()
        self._own = set()

    def start(self, command, **options):
        with self._lock:
            process = subprocess.Popen(command, **options)
            self._own.add(process.pid)
        return process

    def ended(self, process):
        with self._lock:
            self._own.discard(process.pid)
            if os.getpid() == 1:
                self._reap()

    def _reap(self):
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            # A process of its own belongs to the thread that waits for it, which then calls this method.
            if found is None or found.si_pid in self._own:
                return
            os.waitpid(found.si_pid, os.WNOHANG)


CHILDREN = Children()


def run(task, ctx):
    process = CHILDREN.start(
        [*ISOLATION.prefix, sys.executable, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment_of(task),
        cwd="/tmp",
        # Its own process group: the worker can stop all of its processes, and Ctrl-C reaches only the worker.
        start_new_session=True,
        **ISOLATION.options,
    )
    try:
        out, err = converse(process, task.code.encode("utf-8", "surrogatepass"), ctx)
    finally:
        end(process)
    ctx.raise_if_cancelled()
    if process.returncode != 0:
        error = err.decode("utf-8", "replace") or f"The code exited with {process.returncode}"
        raise AttemptFailed(error, process.returncode)
    if len(out) > MOST_OUTPUT:
        raise PermanentError(f"The output is larger than {MOST_OUTPUT} bytes")
    try:
        return {"stdout": codecs.decode(out, "utf-8")}
    except UnicodeDecodeError:
        raise PermanentError("The output is not UTF-8; encode other bytes, for example with base64") from None


def converse(process, code, ctx):
    """Sends the code and collects its output in bounded memory, until the process has ended or must stop."""
    code, out, err = memoryview(code), bytearray(), bytearray()
    ended_at = None
    with selectors.DefaultSelector() as pipes:
        for pipe, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(pipe.fileno(), False)
            pipes.register(pipe, event)
        while not ctx.cancelled:
            if ended_at is None and process.poll() is not None:
                ended_at = time.monotonic()
                kill_group(process)
            is_open = any(key.fileobj is not process.stdin for key in pipes.get_map().values())
            if ended_at is not None and (not is_open or time.monotonic() - ended_at > DRAIN):
                break
            for key, _ in pipes.select(LOOK):
                pipe = key.fileobj
                try:
                    if pipe is process.stdin:
                        code = code[os.write(pipe.fileno(), code[:PIECE]) :]
                        is_over = len(code) == 0
                    else:
                        piece = os.read(pipe.fileno(), PIECE)
                        is_over = piece == b""
                        if pipe is process.stderr:
                            err = (err + piece)[-ERROR_TAIL:]
                        elif len(out) <= MOST_OUTPUT:
                            out += piece
                except BlockingIOError:
                    continue
                except OSError:  # The code need not read all of its input.
                    is_over = True
                if is_over:
                    pipes.unregister(pipe)
                    pipe.close()
    return bytes(out), bytes(err)


def end(process):
    kill_group(process)
    process.wait()
    CHILDREN.ended(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # It has ended, or only zombies remain.
        pass


def tell(event):
    if event.task is not None and event.type in ("claimed", "completed", "failed", "released", "lost"):
        logger.info("%s %s", event.type, event.task.eval_id)


def start_log():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Visible("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    start_log()
    # Removed from the environment, so that no child process inherits the key by mistake.
    KEY = os.environ.pop("QUEUE_API_KEY", "") or None
    URL = os.environ.get("QUEUE_URL", "http://127.0.0.1:8081")
    ISOLATION = Isolation()
    worker = Worker(
        URL,
        os.environ.get("WORKER_ID", f"{socket.gethostname()}-{os.getpid()}"),
        int(os.environ.get("QUEUE_CONCURRENCY", "1")),
        api_key=KEY,
        on_event=tell,
    )
    worker.handler(run)
    logger.info("%s works for %s", worker.worker_id, URL)
    worker.run()
