import threading
import unittest

from crucible_queue import AttemptFailed, InvalidRequest, PermanentError, RetryLater, Unauthorized, Worker

from .service import API_KEY, URL, ServiceTest


def log_much(_task, ctx):
    for line in range(2_000):
        ctx.log(f"line {line} é\n")
    ctx.log(b"\xff\x00")


class WorkerTest(ServiceTest):
    def worker(self, **options):
        return Worker(URL, api_key=API_KEY, **options)

    def run_in_thread(self, worker, **options):
        thread = threading.Thread(target=worker.run, kwargs=options)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(worker.stop, 0)
        return thread

    def test_runs_handlers_and_reports_what_became_of_them(self):
        self.client.enqueue("value", eval_id="value")
        self.client.enqueue("error", eval_id="error")
        self.client.enqueue("permanent", eval_id="permanent", max_attempts=3)
        self.client.enqueue("later", eval_id="later", max_attempts=2)
        self.client.enqueue("object", eval_id="object", max_attempts=3)
        self.client.enqueue("bug", eval_id="bug")
        worker = self.worker(concurrency=3)

        @worker.handler
        def run(task, _ctx):
            if task.code == "value":
                return {"answer": 42}
            if task.code == "error":
                raise AttemptFailed("broken", 7)
            if task.code == "permanent":
                raise PermanentError("never", 65)
            if task.code == "later":
                raise RetryLater(3600, "busy")
            return object() if task.code == "object" else [][0]

        summary = worker.run(until_empty=True)
        self.assertEqual((summary.completed, summary.failed), (1, 5))
        self.assertEqual(self.client.output("value"), {"answer": 42})
        error = self.client.get("error")
        self.assertEqual((error.status, error.error, error.exit_code), ("failed", "broken", 7))
        permanent = self.client.get("permanent")
        self.assertEqual((permanent.status, permanent.failures), ("failed", 1))
        self.assertEqual(self.client.get("later").status, "delayed")
        self.assertEqual(self.client.get("object").status, "failed")
        self.assertIn("IndexError", self.client.get("bug").error)

    def test_sends_the_log_of_the_handler_before_the_result(self):
        for is_apart in (False, True):
            name = f"log-{is_apart}"
            self.client.enqueue("x", eval_id=name, queue=name)
            worker = self.worker(queues=[name], processes=is_apart)
            worker.handler(log_much)
            self.assertEqual(worker.run(until_empty=True).completed, 1)
            expected = "".join(f"line {line} é\n" for line in range(2_000)).encode() + b"\xff\x00"
            self.assertEqual(self.client.read_log(name), expected)

    def test_takes_what_it_has_the_labels_for_from_queues_by_weight(self):
        self.client.enqueue("x", eval_id="gpu", queue="a", requires={"gpu": "a100"})
        self.client.enqueue("x", eval_id="plain", queue="b")
        done = []
        for labels in (None, {"gpu": "a100"}):
            worker = self.worker(queues={"a": 3, "b": 1}, labels=labels)
            worker.handler(lambda task, _ctx: done.append(task.eval_id))
            worker.run(until_empty=True)
        self.assertEqual(done, ["plain", "gpu"])

    def test_stops_a_task_at_its_deadline(self):
        self.client.enqueue("x", eval_id="slow", timeout=1)
        worker = self.worker()
        reasons = []

        @worker.handler
        def run(_task, ctx):
            ctx.wait()
            reasons.append(ctx.reason.code)

        worker.run(max_tasks=1)
        self.assertEqual(reasons, ["deadline"])
        self.assertEqual(self.client.get("slow").status, "failed")

    def test_leaves_a_handler_behind_that_does_not_end_when_told_to(self):
        self.client.enqueue("x", eval_id="stuck", timeout=1)
        worker = self.worker(abandon_after=0.05)
        release = threading.Event()
        self.addCleanup(release.set)
        worker.handler(lambda _task, _ctx: release.wait())
        self.assertEqual(worker.run(max_tasks=1).failed, 1)
        self.assertEqual(self.client.get("stuck").status, "failed")

    def test_finishes_what_it_holds_and_gives_the_rest_back(self):
        for name in ("quick", "slow", "third"):
            self.client.enqueue(name, eval_id=name)
        begun = []
        finish = threading.Event()
        worker = self.worker(concurrency=2)

        def handle(task, ctx):
            begun.append(task.eval_id)
            return finish.wait() if task.code == "quick" else self.give_up(ctx)

        worker.handler(handle)
        thread = self.run_in_thread(worker)
        # Wait for the handlers: a stopped worker releases tasks that it has not started.
        self.until(lambda: len(begun) == 2)
        worker.stop()
        finish.set()
        self.until(lambda: self.client.get("quick").status == "completed")
        worker.stop(grace=0)
        thread.join()
        self.assertEqual((worker.summary.completed, worker.summary.released), (1, 1))
        slow = self.client.get("slow")
        self.assertEqual((slow.status, slow.failures, slow.interruptions), ("queued", 0, 0))
        self.assertEqual(self.client.get("third").attempt, 0)

    def test_ends_a_poll_that_is_parked_when_it_is_stopped(self):
        worker = self.worker(wait=60)
        worker.handler(lambda _task, _ctx: None)
        thread = self.run_in_thread(worker)
        worker.stop()
        thread.join(20)
        self.assertFalse(thread.is_alive())

    def test_keeps_a_lease_that_is_shorter_than_the_work_and_stops_when_it_is_cancelled(self):
        self.client.enqueue("x", eval_id="kept")
        events = []
        worker = self.worker(lease=6, on_event=lambda event: events.append(event.type))
        worker.handler(lambda _task, ctx: self.give_up(ctx))
        thread = self.run_in_thread(worker, max_tasks=1)
        self.until(lambda: self.client.get("kept").status == "processing")
        first = self.client.get("kept").lease_expires_at
        self.until(lambda: self.client.get("kept").lease_expires_at != first)
        self.client.cancel("kept")
        thread.join()
        # The worker repeats a heartbeat that is not answered in time.
        self.assertEqual([event for event in events if event not in ("trouble", "recovered")], ["claimed", "stopped", "lost"])
        self.assertEqual(self.client.get("kept").interruptions, 0)

    def test_shows_how_far_the_work_is(self):
        self.client.enqueue("x", eval_id="far")
        worker = self.worker()

        @worker.handler
        def run(_task, ctx):
            ctx.progress(percent=30, message="on it")
            return self.client.get("far").progress

        worker.run(max_tasks=1)
        self.assertEqual(self.client.output("far"), {"percent": 30, "message": "on it"})

    def test_ends_with_the_error_of_a_claim_that_can_never_be_taken(self):
        worker = self.worker(queues=["no queue has this name"])
        worker.handler(lambda _task, _ctx: None)
        with self.assertRaises(InvalidRequest):
            worker.run()

    def test_outlasts_a_key_that_is_refused_and_says_so_once(self):
        errors = []
        told = threading.Event()
        refused = Worker(URL, api_key="wrong", on_event=lambda event: (errors.append(event.error), told.set()))
        refused.handler(lambda _task, _ctx: None)
        thread = self.run_in_thread(refused)
        self.assertTrue(told.wait(20))
        self.assertIsInstance(errors[0], Unauthorized)
        refused.stop()
        thread.join(20)
        self.assertFalse(thread.is_alive())

    @staticmethod
    def give_up(ctx):
        ctx.wait()
        ctx.raise_if_cancelled()


if __name__ == "__main__":
    unittest.main()
