import http.server
import json
import threading
import unittest
from unittest import mock

from crucible_queue import Client, ConnectionFailed, Worker


class Scripted(http.server.BaseHTTPRequestHandler):
    """Sends the prepared answers in order and records the requests.

    The report that the worker leaves is not part of the script.
    """

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(json.loads(body) if body else None)

    def do_GET(self):
        self.answer(None)

    def answer(self, given):
        if self.path.endswith("/leave"):
            return self.send(200, {})
        self.server.seen.append(f"{self.command} {self.path}")
        self.server.bodies.append(given)
        status, *rest = self.server.answers.pop(0)
        self.send(status, *rest)

    def send(self, status, body, headers=None):
        text = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), "Retry-After": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


def task(name):
    return {"eval_id": name, "lease_id": name, "timeout": 30, "heartbeat_interval": 20, "code": "x"}


class ScriptedTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self.server.daemon_threads = True
        self.server.seen, self.server.answers, self.server.bodies = [], [], []
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answers(self, *answers):
        self.server.answers = list(answers)

    def do_not_wait(self):
        """Shortens all pauses."""
        for name in ("transport.FIRST_PAUSE", "transport.REPEAT_SPACING", "keeper.SHORTEST_RETRY", "keeper.LONGEST_RETRY"):
            patcher = mock.patch(f"crucible_queue.{name}", 0.01)
            patcher.start()
            self.addCleanup(patcher.stop)


class FaultTest(ScriptedTest):
    def test_tells_an_outage_once_and_when_it_is_over(self):
        away = (503, {"code": "store_unavailable", "status": 503, "detail": "away"})
        self.answers(away, away, (200, {"tasks": []}), away, (200, {"tasks": [], "command": "drain"}))
        events = []
        worker = Worker(self.url, worker_id="w", on_event=lambda event: events.append(event.type))
        worker.handler(lambda _task, _ctx: None)
        with self.assertLogs("crucible_queue", "WARNING") as logged:
            worker.run()
        self.assertEqual(events, ["trouble", "recovered", "draining"])
        self.assertEqual([record.getMessage() for record in logged.records], ["w: away; retrying", "w: the service answers again"])
        self.assertEqual([body["wait"] for body in self.server.bodies], [20.0, 0, 0, 20.0, 0])

    def test_what_is_no_json_does_not_come_from_the_service(self):
        self.answers((200, "<html>Sign in to the network"), (200, {"total_tasks": 1}))
        self.assertEqual(Client(self.url).status(), {"total_tasks": 1})
        self.answers((200, '{"half'))
        with self.assertRaises(ConnectionFailed):
            Client(self.url, patience=0).status()

    def test_a_report_whose_answer_is_no_json_is_sent_again_and_is_no_failure(self):
        self.answers(
            (200, {"tasks": [task("a")]}),
            (200, "<html>Sign in to the network"),
            (200, {"eval_id": "a", "status": "completed"}),
        )
        worker = Worker(self.url)
        worker.handler(lambda _task, _ctx: "done")
        self.assertEqual(worker.run(max_tasks=1).completed, 1)
        self.assertEqual(self.server.seen, ["POST /tasks/claim"] + ["POST /tasks/a/complete"] * 2)

    def test_a_worker_that_is_to_drain_finishes_what_it_still_holds(self):
        lost = {"index": 0, "problem": {"code": "lease_lost", "status": 409}}
        self.answers(
            (503, {"code": "store_unavailable", "applied": "unknown"}),
            (200, {"tasks": [task("gone"), task("held")], "command": "drain"}),
            (200, {"results": [lost, {"index": 1, "eval_id": "held", "heartbeat_interval": 20}]}),
            (200, {"eval_id": "held", "status": "completed"}),
        )
        done = []
        worker = Worker(self.url, concurrency=2)
        worker.handler(lambda given, _ctx: done.append(given.eval_id))
        self.assertEqual(worker.run().completed, 1)
        self.assertEqual(done, ["held"])
        wanted = ["claim", "claim", "heartbeat", "held/complete"]
        self.assertEqual(self.server.seen, [f"POST /tasks/{path}" for path in wanted])
