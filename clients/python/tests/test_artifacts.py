import hashlib
import os
import tempfile

from crucible_queue import LeaseLost, Worker

from .service import API_KEY, URL, ServiceTest


def leaves_files(task, context):
    """At the top of a module, so that it also runs in a process of its own."""
    context.put_artifact(b"<h1>42</h1>", "report.html", content_type="text/html")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "large.bin")
        with open(path, "wb") as file:
            file.write(b"x" * 3_000_000)
        artifact = context.put_artifact(path)
    return {"sha256": artifact.sha256}


class ArtifactsTest(ServiceTest):
    def test_stores_and_lists_artifacts_of_a_held_task(self):
        self.client.enqueue("x", eval_id="files")
        [task] = self.client.claim("w")
        stored = self.client.put_artifact(task, b"hello", "a.txt", content_type="text/plain")
        self.assertEqual((stored.size, stored.attempt, stored.content_type), (5, 1, "text/plain"))
        self.assertEqual(stored.sha256, hashlib.sha256(b"hello").hexdigest())
        self.assertEqual([each.name for each in self.client.artifacts("files")], ["a.txt"])
        self.client.complete(task)
        with self.assertRaises(LeaseLost):
            self.client.put_artifact(task, b"late", "b.txt")
        with self.assertRaises(ValueError):
            self.client.put_artifact(task, b"nameless")

    def test_a_handler_stores_artifacts(self):
        self._carry_out("thread", processes=False)

    def test_a_handler_in_a_process_stores_artifacts(self):
        self._carry_out("process", processes=True)

    def _carry_out(self, eval_id, processes):
        self.client.enqueue("x", eval_id=eval_id)
        worker = Worker(URL, api_key=API_KEY, processes=processes)
        worker.handler(leaves_files)
        worker.run(until_empty=True)
        names = [each.name for each in self.client.artifacts(eval_id)]
        self.assertEqual(names, ["large.bin", "report.html"])
        expected = hashlib.sha256(b"x" * 3_000_000).hexdigest()
        self.assertEqual(self.client.output(eval_id), {"sha256": expected})
