from crucible_queue import NotFound, WaitTimeout

from .service import ServiceTest


class SteeringTest(ServiceTest):
    def test_follows_a_batch_to_its_end_and_starts_it_again(self):
        batches = self.client.batches
        self.client.batch([{"eval_id": "a", "code": "x"}], batch_id="b-1", max_failures=5)
        self.client.batch([{"eval_id": name, "code": "x"} for name in "bc"], batch_id="b-1")
        batch = batches.get("b-1")
        self.assertEqual((batch.status, batch.total, batch.max_failures), ("running", 3, 5))
        with self.assertRaises(WaitTimeout):
            batches.wait("b-1", timeout=0.05)
        first, second = self.client.claim("w", max_tasks=2)
        self.client.complete(first)
        self.client.fail(second, "no")
        self.assertEqual(batches.cancel("b-1", "enough"), 1)
        done = batches.wait("b-1", timeout=20)
        self.assertTrue(done.is_done)
        self.assertEqual([done.counts[state] for state in ("completed", "failed", "cancelled")], [1, 1, 1])
        self.assertEqual(batches.redrive("b-1"), 1)
        self.assertIn("b-1", [each.batch_id for each in batches.list()])
        with self.assertRaises(NotFound):
            batches.get("unknown")

    def test_sets_what_a_queue_hands_out_and_empties_it(self):
        queues = self.client.queues
        self.client.enqueue("x", eval_id="a", queue="steered")
        self.assertEqual(queues.change("steered", max_depth=5).max_depth, 5)
        self.assertTrue(queues.pause("steered").paused)
        self.assertEqual(self.client.claim("w", queues=["steered"]), [])
        self.assertFalse(queues.resume("steered").paused)
        self.assertIsNone(queues.change("steered", max_depth=None).max_depth)
        self.assertEqual(queues.stats("steered")["backlog"], 1)
        self.assertIn("steered", [each.queue for each in queues.list()])
        self.assertEqual(queues.get("steered").stats["ready"], 1)
        self.assertEqual(queues.purge("steered", ["cancelled"]), 0)
        self.assertEqual(queues.purge("steered"), 1)

    def test_makes_reads_and_forgets_schedules(self):
        schedules = self.client.schedules
        made = schedules.put("nightly", "0 3 * * *", {"code": "report()", "queue": "reports"}, catch_up="one")
        self.assertEqual((made.queue, made.timezone, made.catch_up), ("reports", "UTC", "one"))
        self.assertEqual(schedules.get("nightly").task, {"code": "report()", "queue": "reports"})
        self.assertEqual([each.schedule_id for each in schedules.list()], ["nightly"])
        schedules.remove("nightly")
        with self.assertRaises(NotFound):
            schedules.get("nightly")

    def test_sees_who_works_and_has_one_drain(self):
        workers = self.client.workers
        self.client.enqueue("x", eval_id="a")
        self.client.claim("w1")
        [seen] = [each for each in workers.list() if each.worker_id == "w1"]
        self.assertEqual((seen.state, seen.status, seen.held_tasks), ("busy", "active", ["a"]))
        self.assertEqual(workers.drain("w1").status, "draining")
        self.assertEqual(self.client.claim_answer("w1"), ([], "drain"))
        self.assertEqual(workers.resume("w1").status, "active")
        workers.leave("w1")
        self.assertEqual([each.state for each in workers.list() if each.worker_id == "w1"], ["gone"])
        with self.assertRaises(NotFound):
            workers.drain("unknown")

    def test_lists_the_dead_letters_of_a_group(self):
        for group in ("team-1", "team-2"):
            self.client.enqueue("x", eval_id=f"dead-{group}", group=group)
            [task] = self.client.claim("w")
            self.assertEqual(task.group, group)
            self.client.fail(task)
        self.client.enqueue("x", eval_id="alive", group="team-1")
        self.assertEqual([each.eval_id for each in self.client.dead_letters(group="team-1")], ["dead-team-1"])
