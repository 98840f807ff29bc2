import asyncio
import hashlib
import os
import tempfile

from crucible_queue import AsyncWorker, Client, ConnectionFailed, LeaseLost, NotFound, UnexpectedAnswer, Worker

from .service import API_KEY, URL, ServiceTest
from .test_faults import ScriptedTest


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

    def test_downloads_to_a_file_a_folder_or_memory(self):
        content = os.urandom(3_000_000)
        self.client.enqueue("x", eval_id="files")
        [task] = self.client.claim("w")
        self.client.artifacts.put(task, content, "über.bin")
        self.client.artifacts.put(task, b"", "empty")
        self.assertEqual([each.name for each in self.client.artifacts.list("files")], ["empty", "über.bin"])

        def download():
            return self.client.artifacts.download("files", "über.bin")

        with download() as opened:
            self.assertEqual((opened.size, opened.sha256), (3_000_000, hashlib.sha256(content).hexdigest()))
            self.assertEqual(opened.read(5) + opened.read(), content)
            self.assertEqual(opened.read(), b"")
        self.assertEqual(self.client.artifacts.download("files", "empty").read(), b"")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.bin")
            for content_before in (None, b"older"):
                if content_before is not None:
                    with open(path, "wb") as file:
                        file.write(content_before)
                self.assertEqual(download().save(path), path)
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), content)
            self.assertEqual(download().save(folder), os.path.join(folder, "über.bin"))
            self.assertEqual(sorted(os.listdir(folder)), ["a.bin", "über.bin"])

    def test_closes_a_download_before_its_end(self):
        self.client.enqueue("x", eval_id="files")
        [task] = self.client.claim("w")
        self.client.artifacts.put(task, b"x" * 3_000_000, "a")
        with self.client.artifacts.download("files", "a") as opened:
            opened.read(1)
        with self.assertRaises(ValueError):
            opened.read(1)
        self.assertEqual(self.client.artifacts.download("files", "a").read(), b"x" * 3_000_000)
        with self.assertRaises(NotFound):
            self.client.artifacts.download("files", "b")
        with self.assertRaises(NotFound):
            self.client.artifacts.download("unknown", "b")

    def test_a_coroutine_stores_artifacts_logs_and_checkpoints(self):
        self.client.enqueue("x", eval_id="async")
        worker = AsyncWorker(URL, api_key=API_KEY)

        @worker.handler
        async def handle(_task, ctx):
            await ctx.log("begun\n")
            await ctx.checkpoint({"step": 1})
            artifact = await ctx.put_artifact(b"42", "answer.txt", content_type="text/plain")
            with self.assertRaises(TypeError):
                await ctx.checkpoint(None)
            return artifact.size

        asyncio.run(worker.run(until_empty=True))
        self.assertEqual(self.client.output("async"), 2)
        self.assertEqual(self.client.read_log("async"), b"begun\n")
        download = asyncio.run(_in_thread(self.client.artifacts.download, "async", "answer.txt"))
        self.assertEqual((download.read(), download.content_type), (b"42", "text/plain"))

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


async def _in_thread(function, *given):
    return await asyncio.get_running_loop().run_in_executor(None, function, *given)


class BrokenDownloadsTest(ScriptedTest):
    """A download never passes for whole when it is not."""

    CONTENT = b"weights" * 1000
    ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'

    def setUp(self):
        super().setUp()
        self.do_not_wait()

    def download(self, *answers, patience=30, name="model"):
        self.answers(*answers)
        client = Client(self.url, patience=patience)
        self.addCleanup(client.close)
        return client.artifacts.download("a", name)

    def assert_refused(self, kind, download):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model")
            with open(path, "wb") as file:
                file.write(b"older")
            with self.assertRaises(kind) as caught:
                download.save(path)
            self.assertEqual(os.listdir(folder), ["model"])
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"older")
        return str(caught.exception)

    def test_with_other_bytes(self):
        whole = (200, self.CONTENT, {"ETag": self.ETAG})
        self.assertEqual(self.download(whole).read(), self.CONTENT)
        flipped = (200, b"W" + self.CONTENT[1:], {"ETag": self.ETAG})
        self.assertIn("do not match their digest", self.assert_refused(UnexpectedAnswer, self.download(flipped)))
        self.assert_refused(UnexpectedAnswer, self.download((200, b"", {"ETag": self.ETAG})))

    def test_that_breaks_off(self):
        longer = {"ETag": self.ETAG, "Content-Length": str(len(self.CONTENT)), "Connection": "close"}
        broken = self.download((200, self.CONTENT[:100], longer))
        self.assertIn("broke off", self.assert_refused(ConnectionFailed, broken))

    def test_that_does_not_begin(self):
        away = (503, {"code": "store_unavailable", "status": 503, "detail": "away"})
        whole = (200, self.CONTENT, {"ETag": self.ETAG})
        self.assertEqual(self.download(away, (502, "bad gateway"), away, whole).read(), self.CONTENT)
        gone = (404, {"code": "artifact_not_found", "status": 404, "detail": "gone"})
        with self.assertRaises(NotFound):
            self.download(gone)
        with self.assertRaises(ConnectionFailed):
            self.download((200, b"Sign in to the network"), (200, "<html>"), patience=0)

    def test_from_another_server(self):
        """Without the key, and without its address in an error: the address grants access."""
        listed = {"name": "model", "sha256": self.ETAG.strip('"'), "size": len(self.CONTENT)}
        moved = (307, b"", {"Location": f"{self.url}/bucket/model?signature=secret"})
        record = (200, {"artifacts": [listed]})
        self.assertEqual(self.download(moved, (200, self.CONTENT), record).read(), self.CONTENT)
        wanted = ["/tasks/a/artifacts/model", "/bucket/model?signature=secret", "/tasks/a/artifacts"]
        self.assertEqual(self.server.seen, [f"GET {path}" for path in wanted])
        # The other server cannot vouch for its own bytes.
        other = (200, b"other", {"ETag": f'"{hashlib.sha256(b"other").hexdigest()}"'})
        self.assert_refused(UnexpectedAnswer, self.download(moved, other, record))
        closed = (307, b"", {"Location": "http://127.0.0.1:9/bucket/model?signature=secret"})
        wrong = (307, b"", {"Location": "ftp://127.0.0.1/bucket/model?signature=secret"})
        for answers in ((moved, (403, "<Error>")), (moved, moved), (closed,), (wrong,)):
            with self.assertRaises(ConnectionFailed) as caught:
                self.download(*answers, patience=0)
            self.assertNotIn("secret", str(caught.exception))

    def test_with_a_name_that_leads_elsewhere(self):
        whole = (200, self.CONTENT, {"ETag": self.ETAG})
        for name in ("../up", "a\\b", "/etc/passwd"):
            with tempfile.TemporaryDirectory() as folder:
                with self.assertRaises(ValueError):
                    self.download(whole, name=name).save(folder)
                self.assertEqual(os.listdir(folder), [])
