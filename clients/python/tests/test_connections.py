import json
import os
import socket
import threading
import unittest
from unittest import mock

from crucible_queue import Client, ConnectionFailed, LeaseLost, RemoteTaskQueue, UnexpectedAnswer, Worker
from crucible_queue.transport import LONGEST_RETRY_AFTER, _address_of, _seconds

from .test_faults import ScriptedTest, task
from .raw_server import RawServer


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

    def test_a_fork_copies_no_lock_that_another_thread_holds(self):
        client = Client(self.url)
        connections = client._transport._connections
        self.answers((200, {"total_tasks": 1}))
        with connections._lock:
            child = os.fork()
            if child == 0:
                os._exit(client.status()["total_tasks"])
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)

    def test_an_answer_that_drips_ends_with_the_time_of_its_call(self):
        for drip in (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"):
            with RawServer([drip], drips=True) as server, self.assertRaises(ConnectionFailed):
                Client(server.url, patience=0, request_timeout=0.5).status()

    def test_takes_no_part_of_an_answer_for_the_whole(self):
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n12",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n5\r\n3",
            b"HTTP/1.1 200 OK\r\n" + b"X-Flood: x\r\n" * 200 + b"\r\n{}",
            b"HTTP/1.1 200 OK\r\nX-Flood: " + b"x" * 100_000 + b"\r\n\r\n{}",
        ):
            with RawServer([answer]) as server, self.assertRaises(ConnectionFailed):
                Client(server.url, patience=0).request("GET", "/health")

    def test_reads_no_more_of_an_answer_than_it_was_told_to(self):
        flood = b" " * 9000
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n[",
            b"HTTP/1.1 200 OK\r\n\r\n" + flood,
            b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2328\r\n" + flood + b"\r\n0\r\n\r\n",
        ):
            with RawServer([answer]) as server, self.assertRaises(ConnectionFailed) as raised:
                Client(server.url, patience=0, longest_answer=4000).status()
            self.assertIn("more than 4000 bytes", str(raised.exception))
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"total_tasks\":1}"
        with RawServer([whole]) as server:
            self.assertEqual(Client(server.url, longest_answer=17).status(), {"total_tasks": 1})
        for longest in (0, -1, 1.5):
            with self.assertRaises(ValueError):
                Client("http://queue", longest_answer=longest)

    def test_reads_no_call_s_answer_behind_one_that_has_no_body(self):
        for status in (b"103 Early Hints", b"204 No Content", b"304 Not Modified"):
            early = b"HTTP/1.1 " + status + b"\r\n\r\n"
            late = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"total_tasks\":1}"
            right = late.replace(b"1}", b"2}")
            with RawServer([early, right], after=late) as server:
                client = Client(server.url, patience=0)
                with self.assertRaises(ConnectionFailed):
                    client.status()
                self.assertEqual(client.status(), {"total_tasks": 2})

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
        for url in ("queue:8081", "ftp://secret", "http://", "http://queue?key=secret", "http://queue/#secret", "http://a:secret/@b"):
            with self.assertRaises(ValueError) as raised:
                Client(url)
            self.assertNotIn("secret", str(raised.exception))
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
        # Each pause is measured from its own start, so a gap is the spacing minus the time between the two calls.
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

    def test_the_older_interface_forgets_the_oldest_of_too_many_leases(self):
        self.answers(*[(200, task(name)) for name in "abcab"], (200, {"eval_id": "a", "status": "completed"}))
        remote = RemoteTaskQueue(self.url, patience=0)
        with mock.patch("crucible_queue.remote_task_queue.MOST_LEASES", 2):
            for _ in range(5):
                remote.get_next()
        self.assertEqual(list(remote._leases), ["a", "b"])
        remote.complete("a")
        self.assertEqual(list(remote._leases), ["b"])

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
