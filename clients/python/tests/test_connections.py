import json
import os
import socket
import threading
import unittest
from unittest import mock

from crucible_queue import Client, LeaseLost, RemoteTaskQueue, UnexpectedAnswer, Worker
from crucible_queue.transport import LONGEST_RETRY_AFTER, _address_of, _seconds

from .test_faults import FaultTest as ScriptedTest
from .test_faults import task


class ConnectionsTest(ScriptedTest):
    def test_a_forked_process_reads_no_answer_of_its_parent(self):
        client = Client(self.url)
        self.answers((200, {"total_tasks": 1}), (200, {"total_tasks": 2}), (200, {"total_tasks": 3}))
        client.status()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, json.dumps(client.status()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(json.loads(os.read(reading, 100)), {"total_tasks": 2})
        self.assertEqual(client.status(), {"total_tasks": 3})
        os.close(reading)
        os.close(writing)

    def test_tasks_share_connections(self):
        names = [str(number) for number in range(20)]
        answers = [[(200, {"tasks": [task(name)]}), (200, {"eval_id": name, "status": "completed"})] for name in names]
        self.answers(*[each for pair in answers for each in pair])
        opened = []
        connect = socket.create_connection

        def count(*arguments, **options):
            opened.append(1)
            return connect(*arguments, **options)

        worker = Worker(self.url)
        worker.handler(lambda _task, _ctx: None)
        with mock.patch("socket.create_connection", count):
            self.assertEqual(worker.run(max_tasks=20).completed, 20)
        self.assertLessEqual(len(opened), 3)

    def test_reads_an_address_without_a_port(self):
        self.assertEqual(_address_of("http://[::1]").origin, "http://[::1]:80")
        self.assertEqual(_address_of("https://queue/base/").origin, "https://queue:443")
        self.assertEqual(_address_of("https://queue/base/").path, "/base")

    def test_refuses_an_address_with_credentials_and_does_not_repeat_them(self):
        with self.assertRaises(ValueError) as raised:
            Client("http://user:secret@queue:8081")
        self.assertNotIn("secret", str(raised.exception))
        for url in ("queue:8081", "ftp://queue", "http://", "http://queue?key=1", "http://queue/#x"):
            with self.assertRaises(ValueError):
                Client(url)
        with self.assertRaises(ValueError):
            Client("http://queue", api_key="key\n")

    def test_believes_no_pause_that_is_none(self):
        for header in (None, "-5", "", "soon", "1e9", "٣", "Mon, 30 Nov 2026 12:00:00 GMT", "9" * 400):
            self.assertIsNone(_seconds(header))
        self.assertEqual(_seconds("3"), 3)
        self.assertEqual(_seconds("9999999"), LONGEST_RETRY_AFTER)

    def test_spaces_the_repeated_calls_of_all_threads(self):
        from crucible_queue.transport import REPEAT_SPACING, _Spacing

        spacing = _Spacing()
        pauses = [spacing.from_now(0.1) for _ in range(5)]
        gaps = [later - earlier for earlier, later in zip(pauses, pauses[1:])]
        # Each pause is measured from its own moment, so a gap is the spacing less the time between the two questions.
        self.assertTrue(all(gap <= REPEAT_SPACING for gap in gaps))
        self.assertGreater(pauses[-1], REPEAT_SPACING)

    def test_removes_nothing_that_was_not_asked_for(self):
        client = Client(self.url)
        for given in ({}, {"queue": None}, {"queue": ""}, {"queue": []}, {"status": [None]}, {"all": True, "queue": "a"}):
            with self.assertRaises(ValueError):
                client.clear(**given)
        with self.assertRaises(TypeError):
            client.clear(batch_id="b")
        for queue in (None, "", " ", "a,b", ["a"]):
            with self.assertRaises((TypeError, ValueError)):
                client.queues.purge(queue)
        with self.assertRaises(ValueError):
            client.queues.purge("a", status=[])
        for name in ("", None, ".."):
            with self.assertRaises(ValueError):
                client.remove(name)
        self.assertEqual(self.server.seen, [])

    def test_the_older_interface_keeps_no_lease_for_ever(self):
        lost = {"code": "lease_lost", "status": 409, "reason": "expired"}
        self.answers((200, task("a")), (409, lost), (200, "null"), (200, "<html>"))
        remote = RemoteTaskQueue(self.url, patience=0)
        self.assertEqual(remote.get_next()["eval_id"], "a")
        with self.assertRaises(LeaseLost):
            remote.complete("a")
        self.assertEqual(len(remote._leases), 0)
        self.assertIsNone(remote.get_next())
        with self.assertRaises(UnexpectedAnswer):
            remote.get_next()

    def test_a_worker_refuses_options_that_no_worker_can_use(self):
        for options in ({"concurrency": 0}, {"concurrency": 1.5}, {"wait": -1}, {"report_patience": float("nan")}):
            with self.assertRaises(ValueError):
                Worker(self.url, **options)

    def test_stops_with_any_grace_and_more_than_once(self):
        for grace in (0, -1, float("inf"), None):
            self.answers((200, {"tasks": [task("a")]}), (200, {"eval_id": "a", "status": "completed"}))
            worker = Worker(self.url)
            begun, finish = threading.Event(), threading.Event()
            worker.handler(lambda _task, _ctx: (begun.set(), finish.wait()) and None)
            thread = threading.Thread(target=worker.run)
            thread.start()
            self.assertTrue(begun.wait(20))
            worker.stop(float("inf"))
            worker.stop(grace)
            finish.set()
            thread.join(20)
            self.assertFalse(thread.is_alive())


del ScriptedTest

if __name__ == "__main__":
    unittest.main()
