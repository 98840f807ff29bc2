import unittest
from concurrent.futures import ThreadPoolExecutor

from crucible_queue import (
    Client,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    LeaseLost,
    NotFound,
    RemoteTaskQueue,
    Unauthorized,
    WaitTimeout,
)

from .service import API_KEY, URL, ServiceTest


class ClientTest(ServiceTest):
    def test_takes_a_task_through_its_life(self):
        enqueued = self.client.enqueue("print(1)", eval_id="life", max_attempts=2)
        self.assertEqual((enqueued.status, enqueued.position), ("queued", 1))
        [first] = self.client.claim("w")
        self.assertEqual((first.code, first.attempt, first.worker_id), ("print(1)", 1, "w"))
        self.assertIsNone(self.client.heartbeat(first, progress={"percent": 40}).command)
        self.assertEqual(self.client.get("life").progress, {"percent": 40})
        self.assertEqual(self.client.fail(first, "no", retry_after=0).status, "queued")
        [second] = self.client.claim("w")
        self.assertEqual(self.client.release(second).status, "queued")
        [third] = self.client.claim("w")
        for _ in range(2):
            self.assertEqual(self.client.complete(third, {"stdout": "1\n"}).status, "completed")
        self.assertTrue(self.client.wait("life", timeout=5).is_ended)
        outcomes = [each.outcome for each in self.client.attempts("life")]
        self.assertEqual(outcomes, ["failed", "released", "completed"])

    def test_saves_checkpoints_of_many_tasks_with_one_heartbeat_and_no_old_one(self):
        for eval_id in ("a", "b"):
            self.client.enqueue("x", eval_id=eval_id)

        def claim():
            return sorted(self.client.claim("w", max_tasks=2), key=lambda task: task.eval_id)

        first = claim()
        beats = {task.eval_id: {"checkpoint": f"{task.eval_id}1", "progress": {"percent": 9}} for task in first}
        self.assertFalse(any("problem" in item for item in self.client.heartbeat_all("w", first, beats=beats)))
        for task in first:
            self.client.release(task)
        second = claim()
        self.assertEqual([task.checkpoint for task in second], ["a1", "b1"])
        self.client.heartbeat(second[0], checkpoint="a2")
        # The tasks still carry what their claim brought.
        self.client.heartbeat_all("w", second, beats={"b": {"checkpoint": "b2"}})
        for task in second:
            self.client.release(task)
        self.assertEqual([task.checkpoint for task in claim()], ["a2", "b2"])

    def test_keeps_all_digits_of_an_output(self):
        self.client.enqueue("x", eval_id="digits")
        [task] = self.client.claim("w")
        self.client.complete(task, [9007199254740993, "é\x00\U0001f600"])
        self.assertEqual(self.client.output("digits"), [9007199254740993, "é\x00\U0001f600"])

    def test_makes_one_task_of_the_same_id_and_tells_other_content_apart(self):
        for _ in range(2):
            self.client.enqueue("x", eval_id="same")
        with self.assertRaises(Conflict):
            self.client.enqueue("y", eval_id="same")
        self.assertEqual(self.client.status()["total_tasks"], 1)

    def test_tells_errors_apart_by_class_and_code(self):
        with self.assertRaises(NotFound) as raised:
            self.client.get("unknown")
        self.assertEqual((raised.exception.code, raised.exception.status), ("task_not_found", 404))
        with self.assertRaises(InvalidRequest) as invalid:
            self.client.enqueue("x", timeout=0)
        self.assertEqual(invalid.exception.errors[0]["pointer"], "/timeout")
        with self.assertRaises(Unauthorized):
            Client(URL, "wrong").status()
        with self.assertRaises(ConnectionFailed):
            Client("http://127.0.0.1:9", patience=0).status()

    def test_changes_the_priority_of_a_waiting_task(self):
        self.client.enqueue("x", eval_id="early")
        self.client.enqueue("x", eval_id="urgent")
        changed = self.client.reprioritize("urgent", 9)
        self.assertEqual((changed.eval_id, changed.priority, changed.position), ("urgent", 9, 1))

    def test_refuses_a_lease_that_is_lost(self):
        self.client.enqueue("x", eval_id="held")
        [task] = self.client.claim("w")
        self.client.cancel("held", "enough")
        with self.assertRaises(LeaseLost) as raised:
            self.client.complete(task)
        self.assertEqual(raised.exception.reason, "cancelled")

    def test_enqueues_many_at_once_and_lists_all_pages(self):
        names = {f"page-{index}" for index in range(25)}
        batch = self.client.batch([{"eval_id": name, "code": "x"} for name in names] + [{"code": 1}])
        self.assertEqual((batch.accepted, batch.rejected), (25, 1))
        listed = {task.eval_id for task in self.client.list(batch_id=batch.batch_id, limit=10)}
        self.assertEqual(listed, names)

    def test_waits_no_longer_than_it_was_told_to(self):
        self.client.enqueue("x", eval_id="long")
        with self.assertRaises(WaitTimeout):
            self.client.wait("long", timeout=0.05)

    def test_is_shared_by_threads(self):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda index: self.client.enqueue("x", eval_id=f"t{index}"), range(40)))
        self.assertEqual(self.client.status()["queued"], 40)


class RemoteTaskQueueTest(ServiceTest):
    def setUp(self):
        super().setUp()
        self.queue = RemoteTaskQueue(URL, API_KEY)

    def test_serves_the_platform(self):
        self.assertIsNone(self.queue.get_next())
        self.assertEqual(self.queue.enqueue("a", "print(1)", priority=5)["status"], "queued")
        self.queue.enqueue("b", "print(2)")
        task = self.queue.get_next()
        self.assertEqual((task["eval_id"], task["code"], task["timeout"]), ("a", "print(1)", 30))
        for _ in range(2):
            self.assertEqual(self.queue.complete("a", {"stdout": "1"}), {"eval_id": "a", "status": "completed"})
        self.assertEqual(self.queue.get_next()["eval_id"], "b")
        self.assertEqual(self.queue.fail("b", "broken")["status"], "failed")
        self.assertEqual(self.queue.status("b")["error"], "broken")
        self.assertEqual(self.queue.status()["completed"], 1)
        self.assertIsNone(self.queue.status("unknown"))
        self.assertEqual(self.queue.health()["status"], "healthy")

    def test_cannot_end_what_somebody_else_holds(self):
        self.queue.enqueue("a", "x")
        mine = self.queue.get_next()
        self.client.request("POST", "/tasks/a/release", body={"lease_id": mine["lease_id"]})
        self.client.claim("other")
        with self.assertRaises(LeaseLost):
            self.queue.complete("a")


if __name__ == "__main__":
    unittest.main()
