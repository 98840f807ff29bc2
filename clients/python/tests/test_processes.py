import os
import signal
import time
import unittest

from crucible_queue import AttemptFailed, InvalidRequest, RetryLater, Worker

from .service import API_KEY, URL, ServiceTest


def handle(task, ctx):
    if task.code == "progress":
        ctx.progress(percent=50)
        return {"pid": os.getpid()}
    if task.code == "error":
        raise AttemptFailed("as it was told to", 7)
    if task.code == "later":
        raise RetryLater(-1)
    if task.code == "checkpoint":
        if task.checkpoint is None:
            ctx.checkpoint({"step": 1, "large": 9007199254740993})
            raise RetryLater(0)
        try:
            ctx.checkpoint("x" * 70_000)
        except InvalidRequest as refused:
            return [task.checkpoint, task.checkpoint_attempt, str(refused)]
    if task.code == "bytes":
        return b"bytes"
    if task.code == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.code == "fork":
        if os.fork() == 0:
            time.sleep(600)
        return None
    if task.code == "copy":
        child = os.fork()
        if child == 0:
            return "the copy"
        os.waitpid(child, 0)
        return "the parent"
    if task.code == "orphan":
        if os.fork() == 0:
            os.setsid()
            time.sleep(30)
        os._exit(3)
    if task.code == "fatal":
        return Fatal(a=1)
    if task.code == "deaf":
        while True:
            time.sleep(1)
    ctx.wait()
    ctx.raise_if_cancelled()
    return None


class Fatal(dict):
    def items(self):
        raise SystemExit(5)


class ProcessesTest(ServiceTest):
    def run_tasks(self, *codes, **fields):
        for code in codes:
            self.client.enqueue(code, eval_id=code, **fields)
        worker = Worker(URL, api_key=API_KEY, concurrency=len(codes), processes=True, abandon_after=1)
        worker.handler(handle)
        return worker.run(until_empty=True)

    def test_runs_each_attempt_in_a_process_of_its_own(self):
        summary = self.run_tasks("progress", "error", "later", "bytes", "killed", "fork")
        self.assertEqual((summary.completed, summary.failed), (2, 4))
        self.assertNotEqual(self.client.output("progress")["pid"], os.getpid())
        error = self.client.get("error")
        self.assertEqual((error.error, error.exit_code), ("as it was told to", 7))
        self.assertIn("was taken as 0", self.client.get("later").error)
        self.assertIn("The output cannot be sent", self.client.get("bytes").error)
        self.assertEqual(self.client.get("killed").exit_code, -9)

    def test_saves_checkpoints_and_says_which_the_service_refuses(self):
        self.run_tasks("checkpoint", max_attempts=2)
        checkpoint, attempt, refusal = self.client.output("checkpoint")
        self.assertEqual((checkpoint, attempt), ({"step": 1, "large": 9007199254740993}, 1))
        self.assertIn("65536", refusal)

    def test_takes_no_copy_of_the_handler_and_nothing_that_it_left_behind_for_the_attempt(self):
        summary = self.run_tasks("copy", "orphan", "fatal", timeout=20)
        self.assertEqual((summary.completed, summary.failed), (1, 2))
        self.assertEqual(self.client.output("copy"), "the parent")
        self.assertEqual(self.client.get("orphan").exit_code, 3)
        self.assertIn("SystemExit", self.client.get("fatal").error)

    def test_stops_and_kills_what_runs_too_long(self):
        summary = self.run_tasks("patient", "deaf", timeout=1)
        self.assertEqual(summary.failed, 2)

    def test_refuses_a_handler_that_another_process_cannot_find(self):
        worker = Worker(URL, api_key=API_KEY, processes=True)
        worker.handler(lambda _task, _ctx: None)
        with self.assertRaises(ValueError):
            worker.run()


if __name__ == "__main__":
    unittest.main()
