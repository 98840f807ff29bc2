import asyncio
import time
import unittest
from unittest import mock

from crucible_queue import AttemptFailed, Client, ConnectionFailed, RetryLater, Worker
from crucible_queue.transport import _Spacing

from .test_faults import ScriptedTest, task

DONE = {"eval_id": "a", "status": "completed"}

#: Bad answers seen from servers and proxies.
BAD = {
    "an empty 200": (200, ""),
    "a 204": (204, ""),
    "a redirect": (302, "", {"Location": "http://127.0.0.1:9/"}),
    "a page": (200, "<html>Sign in to the network"),
    "another document": (200, {"errors": 5}),
    "an array": (200, []),
    "null": (200, "null"),
    "half a document": (200, '{"eval_id": "a", "stat'),
    "an answer about another task": (200, {"eval_id": "b", "status": "completed"}),
    "a page with an error": (404, "<html>404 Not Found"),
    "an error that is no problem": (400, {"errors": 5}),
    "a problem with strange members": (503, {"code": "store_unavailable", "errors": 5, "detail": ["x"]}),
    "a problem with a strange code": (500, {"code": 7}),
    "a refused key": (401, {"code": "unauthorized", "status": 401}),
    "a missing role": (403, {"code": "forbidden", "status": 403}),
    "an address that is gone": (404, {"code": "not_found", "status": 404}),
    "a negative Retry-After": (503, {"code": "draining"}, {"Retry-After": "-5"}),
    "a Retry-After that is a date": (503, {"code": "draining"}, {"Retry-After": "Mon, 30 Nov 2026 12:00:00 GMT"}),
    "bytes that are no text": (200, b"\xff\xfe\x00"),
    "a bad gateway": (502, "bad gateway"),
    "an interval of 0": (200, {"results": [{"index": 0, "eval_id": "a", "heartbeat_interval": 0}], "tasks": [{}]}),
}

#: Members without a valid type in any task of the service.
STRANGE = (
    {"heartbeat_interval": 0},
    {"heartbeat_interval": -1},
    {"heartbeat_interval": 0.001},
    {"heartbeat_interval": 1e308},
    {"heartbeat_interval": "20"},
    {"heartbeat_interval": True},
    {"timeout": 0},
    {"timeout": -5},
    {"code": 5},
)


class BadAnswersTest(ScriptedTest):
    def setUp(self):
        super().setUp()
        self.do_not_wait()

    def run_one(self, handler=lambda _task, _ctx: None, **options):
        worker = Worker(self.url, **options)
        worker.handler(handler)
        return worker.run(max_tasks=1)

    def test_a_report_outlasts_every_bad_answer(self):
        for name, answer in BAD.items():
            with self.subTest(name):
                self.server.seen.clear()
                self.answers((200, {"tasks": [task("a")]}), answer, (200, DONE))
                self.assertEqual(self.run_one().completed, 1)
                self.assertEqual(self.server.seen, ["POST /tasks/claim"] + ["POST /tasks/a/complete"] * 2)

    def test_a_claim_outlasts_every_bad_answer(self):
        kept = (200, {"results": [{"index": 0, "eval_id": "a", "heartbeat_interval": 20}]})
        for name, answer in BAD.items():
            with self.subTest(name):
                self.server.bodies.clear()
                self.answers(answer, (200, {"tasks": [task("a")]}), kept, (200, DONE))
                self.assertEqual(self.run_one().completed, 1)
                first, second = self.server.bodies[:2]
                self.assertEqual(first["claim_id"], second["claim_id"])

    def test_a_handler_may_be_a_coroutine(self):
        async def handler(_task, _ctx):
            await asyncio.sleep(0)
            return 42

        self.answers((200, {"tasks": [task("a")]}), (200, DONE))
        self.assertEqual(self.run_one(handler).completed, 1)
        self.assertEqual(self.server.bodies[1]["output"], 42)

    def test_a_log_steers_no_terminal(self):
        self.answers((503, {"code": "draining", "detail": "\x1b]0;owned\x07\x9b31m\u202e" + "x" * 5000}))
        self.server.answers += [(200, {"tasks": [task("a")]})]
        self.server.answers += [(200, {"results": [{"index": 0, "eval_id": "a", "heartbeat_interval": 20}]}), (200, DONE)]
        with self.assertLogs("crucible_queue") as logs:
            self.run_one()
        text = "".join(logs.output)
        self.assertTrue(text.isprintable() and len(text) < 1500, text)

    def test_no_claim_is_taken_that_has_strange_members(self):
        kept = (200, {"results": [{"index": 0, "eval_id": "a", "heartbeat_interval": 20}]})
        for members in STRANGE:
            with self.subTest(members):
                self.answers((200, {"tasks": [{**task("a"), **members}]}), (200, {"tasks": [task("a")]}), kept, (200, DONE))
                self.assertEqual(self.run_one().completed, 1)

    def test_heartbeats_outlast_every_bad_answer(self):
        for name, answer in BAD.items():
            with self.subTest(name):
                self.server.seen.clear()
                kept = {"index": 0, "eval_id": "a", "heartbeat_interval": 20}
                short = {**task("a"), "heartbeat_interval": 3}
                self.answers((200, {"tasks": [short]}), answer, (200, {"results": [kept]}), (200, DONE))

                def until_kept(_task, ctx):
                    end = time.monotonic() + 20
                    while self.server.seen.count("POST /tasks/heartbeat") < 2 and time.monotonic() < end:
                        ctx.wait(0.01)

                worker = Worker(self.url)
                worker.handler(until_kept)
                worker._keeper.add = self.due_at_once(worker._keeper.add)
                self.assertEqual(worker.run(max_tasks=1).completed, 1)

    @staticmethod
    def due_at_once(add):
        """Makes a task's first heartbeat due at once, so that a test need not wait for it."""

        def add_due(running):
            running.beat_due_at = time.monotonic()
            add(running)

        return add_due

    def test_an_answer_that_comes_twice_starts_nothing_twice(self):
        done = []
        self.answers(
            (200, {"tasks": [task("a")]}),
            (200, DONE),
            (200, {"tasks": [task("a")]}),
            (200, {"tasks": [task("b")]}),
            (200, {"eval_id": "b", "status": "completed"}),
        )
        worker = Worker(self.url)
        worker.handler(lambda given, _ctx: done.append(given.eval_id))
        worker.run(max_tasks=2)
        self.assertEqual(done, ["a", "b"])

    def test_a_task_that_cannot_be_read_is_failed_and_keeps_no_other_from_running(self):
        deep = "[" * 100_000 + "]" * 100_000
        parts = '"timeout": 30, "heartbeat_interval": 20, "code": "x"'
        unreadable = f'{{"eval_id": "a", "lease_id": "a", {parts}, "metadata": {deep}}}'
        plain = f'{{"eval_id": "b", "lease_id": "b", {parts}, "metadata": {{"n": {"9" * 4301}}}}}'
        self.answers((200, f'{{"tasks": [{unreadable}, {plain}]}}'), (200, DONE), (200, DONE))
        ran = []
        reports = {}

        def answer_each(handler, given):
            if handler.path == "/tasks/claim":
                return handler.send(*self.server.answers.pop(0))
            eval_id = handler.path.split("/")[2]
            reports[eval_id] = (handler.path.split("/")[3], given)
            return handler.send(200, {"eval_id": eval_id, "status": "completed"})

        original = self.server.RequestHandlerClass.answer
        self.addCleanup(setattr, self.server.RequestHandlerClass, "answer", original)
        self.server.RequestHandlerClass.answer = lambda handler, given: (
            original(handler, given) if handler.path.endswith("/leave") else answer_each(handler, given)
        )
        worker = Worker(self.url, concurrency=2)
        worker.handler(lambda given, _ctx: ran.append(given.eval_id))
        worker.run(max_tasks=2)
        self.assertEqual(ran, ["b"])
        self.assertEqual(reports["b"][0], "complete")
        verb, body = reports["a"]
        self.assertEqual((verb, body["retryable"]), ("fail", False))
        self.assertIn("metadata", body["error"])

    def test_reports_what_cannot_be_sent_in_a_form_that_can(self):
        class Throwing(dict):
            def items(self):
                raise RuntimeError("no items")

        nested = []
        for _ in range(20_000):
            nested = [nested]
        for output in (nested, b"bytes", {1, 2}, float("nan"), Throwing(a=1), lambda: 0):
            self.server.bodies.clear()
            self.answers((200, {"tasks": [task("a")]}), (200, {"eval_id": "a", "status": "failed"}))
            self.assertEqual(self.run_one(lambda _task, _ctx: output).failed, 1)
            self.assertIs(self.server.bodies[1]["retryable"], False)
            self.assertIn("The output cannot be sent", self.server.bodies[1]["error"])

    def test_a_refused_report_is_followed_by_one_that_says_why(self):
        refusal = (422, {"code": "invalid_request", "status": 422, "detail": "Not like this."})
        self.answers((200, {"tasks": [task("a")]}), refusal, (200, {"eval_id": "a", "status": "failed"}))

        def fail(_task, _ctx):
            raise RetryLater(1, "busy")

        self.assertEqual(self.run_one(fail).failed, 1)
        self.assertEqual(self.server.bodies[2], {"lease_id": "a", "error": "The failure cannot be sent as it was: Not like this."})

    def test_a_listener_that_raises_ends_nothing(self):
        self.answers((200, {"tasks": [task("a")]}), (200, DONE))

        def listener(_event):
            raise RuntimeError("a fault of the listener")

        with self.assertLogs("crucible_queue", "ERROR"):
            self.assertEqual(self.run_one(on_event=listener).completed, 1)

    def test_a_handler_may_raise_anything(self):
        for error in (SystemExit(3), KeyboardInterrupt(), GeneratorExit(), AttemptFailed("x", "seven")):
            self.answers((200, {"tasks": [task("a")]}), (200, {"eval_id": "a", "status": "failed"}))

            def fail(_task, _ctx):
                raise error

            self.assertEqual(self.run_one(fail).failed, 1)

    def test_a_call_that_was_told_to_wait_holds_up_no_other(self):
        spacing = _Spacing()
        with mock.patch("crucible_queue.transport.time") as clock:
            clock.monotonic.return_value = 1000.0
            self.assertEqual(spacing.from_now(60), 60)
            self.assertEqual(spacing.from_now(0.0), 0)
            moments = sorted(spacing.from_now(0.0) for _ in range(200))
        gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
        self.assertGreater(min(gaps), 0.0099)

    def test_a_page_is_not_taken_for_the_answer_that_a_task_is_unknown(self):
        self.answers((404, "<html>404 Not Found"))
        with self.assertRaises(ConnectionFailed) as raised:
            Client(self.url, patience=0).get("a")
        self.assertIn("is this the queue service?", str(raised.exception))


del ScriptedTest

if __name__ == "__main__":
    unittest.main()
