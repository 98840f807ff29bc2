import os
import tempfile
import threading
import unittest

from crucible_queue import AttemptFailed, PermanentError, Worker, run_subprocess

from .service import API_KEY, URL, ServiceTest

SHELL = ["sh", "-c"]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return "\nState:\tZ" not in status.read()
    except OSError:
        return False


def with_child(task, ctx):
    """A program whose child ignores SIGTERM; both numbers go into the file that the task names."""
    script = 'trap "" TERM; sleep 600 & echo $! $$ > "$0.new"; mv "$0.new" "$0"; echo begun >&2; wait; wait'
    return run_subprocess(task, ctx, [*SHELL, script, task.metadata["pids"]], kill_after=0.1).stdout


class SubprocessTest(ServiceTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pids = os.path.join(folder.name, "pids")

    def run_one(self, handle, code="x", until=None, processes=False, **fields):
        self.client.enqueue(code, eval_id="one", metadata={"pids": self.pids, "n": 2**70}, **fields)
        worker = Worker(URL, api_key=API_KEY, lease=6, processes=processes)
        worker.handler(handle)
        thread = threading.Thread(target=worker.run, kwargs={"max_tasks": 1})
        thread.start()
        if until is not None:
            self.until(lambda: os.path.exists(self.pids))
            until(worker)
        thread.join(25)
        self.assertFalse(thread.is_alive())
        return self.client.get("one")

    def assert_nothing_is_left(self):
        with open(self.pids, encoding="ascii") as file:
            for pid in file.read().split():
                self.until(lambda: not is_running(int(pid)))

    def test_gives_the_code_and_takes_the_output_and_shows_each_line(self):
        lines = []

        def handle(task, ctx):
            script = 'cat; echo "é$QUEUE_EVAL_ID $QUEUE_METADATA"; printf "50\\r\\nlast" >&2; echo ${QUEUE_API_KEY-none}'
            finished = run_subprocess(task, ctx, [*SHELL, script], on_line=lambda *line: lines.append(line))
            return [finished.returncode, finished.stdout, finished.stderr]

        big = "y" * 300_000 + "\n"
        self.assertEqual(self.run_one(handle, big).status, "completed")
        metadata = f'{{"pids": "{self.pids}", "n": {2**70}}}'
        self.assertEqual(self.client.output("one"), [0, f"{big}éone {metadata}\nnone\n", "50\r\nlast"])
        errors = [line for stream, line in lines if stream == "stderr"]
        self.assertEqual(errors, ["50", "last"])
        self.assertEqual([line for stream, line in lines if stream == "stdout"][-1], "none")

    def test_ends_all_processes_of_a_task_that_is_cancelled(self):
        task = self.run_one(with_child, until=lambda _worker: self.client.cancel("one"))
        self.assertEqual(task.status, "cancelled")
        self.assert_nothing_is_left()

    def test_ends_all_processes_of_a_task_that_exceeds_its_timeout(self):
        task = self.run_one(with_child, timeout=1)
        self.assertEqual((task.status, task.cause), ("failed", "timeout"))
        self.assert_nothing_is_left()

    def test_gives_a_task_back_when_the_worker_stops(self):
        task = self.run_one(with_child, until=lambda worker: worker.stop(grace=0))
        self.assertEqual((task.status, task.failures, task.interruptions), ("queued", 0, 0))
        self.assert_nothing_is_left()

    def test_ends_what_a_program_left_behind_and_waits_for_no_pipe_of_it(self):
        def handle(task, ctx):
            script = f'sleep 600 & echo $! > {self.pids}; setsid sleep 4 & echo done'
            return run_subprocess(task, ctx, [*SHELL, script]).stdout

        self.assertEqual(self.run_one(handle).status, "completed")
        self.assertEqual(self.client.output("one"), "done\n")
        self.assert_nothing_is_left()

    def test_has_a_limit_of_its_own(self):
        def handle(task, ctx):
            return run_subprocess(task, ctx, ["sleep", "600"], timeout=0.1, kill_after=0.1).stdout

        task = self.run_one(handle)
        self.assertEqual((task.status, task.cause), ("failed", "timeout"))
        self.assertEqual(task.error, "The program ran for longer than 0.1 s")

    def test_raises_what_the_exit_code_means(self):
        seen = []

        def handle(task, ctx):
            def fails(script, kind):
                with self.assertRaises(kind) as caught:
                    run_subprocess(task, ctx, [*SHELL, script])
                return getattr(caught.exception, "exit_code", None), str(caught.exception)

            seen.append(fails("echo why >&2; exit 3", AttemptFailed))
            seen.append(fails("exit 65", PermanentError))
            seen.append(fails("kill -9 $$", AttemptFailed))
            seen.append(fails(r"printf '\377'", PermanentError)[1].split(";")[0])
            seen.append(fails("head -c 1600000 /dev/zero", PermanentError)[1])
            with self.assertRaises(FileNotFoundError):
                run_subprocess(task, ctx, ["/no/such/program"])
            with self.assertRaises(PermanentError):
                run_subprocess(task, ctx, ["true", "nul\0"])
            unchecked = run_subprocess(task, ctx, [*SHELL, "exit 7"], check=False)
            with self.assertRaises(ZeroDivisionError):
                run_subprocess(task, ctx, [*SHELL, "echo; sleep 600"], on_line=lambda *_line: 1 // 0)
            return unchecked.returncode

        self.assertEqual(self.run_one(handle).error, None)
        self.assertEqual(self.client.output("one"), 7)
        self.assertEqual(
            seen,
            [
                (3, "why\n"),
                (65, "The program exited with 65"),
                (-9, "The program was ended by SIGKILL"),
                "The output is not UTF-8",
                "The output is larger than 1500000 bytes",
            ],
        )

    def test_leaves_no_descriptor_open(self):
        def handle(task, ctx):
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(5):
                run_subprocess(task, ctx, ["true"])
            return len(os.listdir("/proc/self/fd")) - before

        self.run_one(handle)
        self.assertLessEqual(self.client.output("one"), 1)

    def test_ends_the_program_of_a_handler_in_a_process_of_its_own(self):
        cancel = lambda _worker: self.client.cancel("one")
        self.assertEqual(self.run_one(with_child, until=cancel, processes=True).status, "cancelled")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
