import asyncio
import logging
import os
import signal
import unittest

from crucible_queue import AsyncWorker, Client, RemoteTaskQueue, Worker

from .service import API_KEY, URL, ServiceTest


class AsyncWorkerTest(ServiceTest):
    def worker(self, handle, **options):
        worker = AsyncWorker(URL, api_key=API_KEY, **options)
        worker.handler(handle)
        return worker

    def test_runs_handlers_side_by_side_in_the_loop_of_the_program(self):
        for name in ("a", "b", "error"):
            self.client.enqueue(name, eval_id=name)

        async def main():
            loop, both = asyncio.get_running_loop(), []

            async def handle(task, ctx):
                if task.code == "error":
                    raise ValueError("broken")
                await ctx.progress(percent=40)
                both.append(task.code)
                while len(both) < 2:
                    await asyncio.sleep(0.01)
                return asyncio.get_running_loop() is loop

            return await self.worker(handle, concurrency=3).run(until_empty=True)

        summary = asyncio.run(main())
        self.assertEqual((summary.completed, summary.failed), (2, 1))
        self.assertEqual([self.client.output("a"), self.client.output("b")], [True, True])
        self.assertIn("ValueError: broken", self.client.get("error").error)

    def test_cancels_the_coroutine_of_a_task_that_must_stop(self):
        self.client.enqueue("x", eval_id="slow", timeout=1)
        ends = []

        async def handle(_task, ctx):
            try:
                await asyncio.sleep(600)
            finally:
                await asyncio.sleep(0)
                ends.append(ctx.reason.code)

        asyncio.run(self.worker(handle).run(max_tasks=1))
        self.assertEqual(ends, ["deadline"])
        self.assertEqual(self.client.get("slow").cause, "timeout")

    def test_gives_back_what_it_holds_when_run_is_cancelled(self):
        self.client.enqueue("x", eval_id="held")

        async def main():
            begun = asyncio.Event()

            async def handle(_task, _ctx):
                begun.set()
                await asyncio.sleep(600)

            running = asyncio.ensure_future(self.worker(handle).run())
            await asyncio.wait_for(begun.wait(), 20)
            running.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await running

        asyncio.run(main())
        held = self.client.get("held")
        self.assertEqual((held.status, held.failures, held.interruptions), ("queued", 0, 0))

    def test_finishes_at_the_first_signal_within_its_grace(self):
        for name in ("short", "long"):
            self.client.enqueue(name, eval_id=name)

        async def main():
            begun = []

            async def handle(task, _ctx):
                begun.append(task.code)
                if len(begun) == 2:
                    os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(0.05 if task.code == "short" else 600)

            return await self.worker(handle, concurrency=2).run(grace=1)

        summary = asyncio.run(main())
        self.assertEqual((summary.completed, summary.released), (1, 1))
        self.assertEqual(self.client.get("long").status, "queued")


class DefaultsTest(ServiceTest):
    def test_takes_the_address_and_the_key_from_the_environment(self):
        self.client.enqueue("x", eval_id="known")
        for made in (Client(), Client(URL)):
            self.assertEqual(made.get("known").eval_id, "known")
            made.close()
        self.assertEqual(RemoteTaskQueue().status("known")["eval_id"], "known")
        worker = Worker()
        worker.handler(lambda _task, _ctx: None)
        self.assertEqual(worker.run(until_empty=True).completed, 1)

    def test_sends_no_key_when_none_is_given(self):
        self.client.enqueue("x", eval_id="known")
        keyless = Client(URL, None)
        self.addCleanup(keyless.close)
        with self.assertRaises(Exception) as caught:
            keyless.get("known")
        self.assertEqual(caught.exception.status, 401)

    def test_stops_at_the_first_signal_with_a_grace(self):
        self.client.enqueue("x", eval_id="held")
        worker = Worker()

        @worker.handler
        def run(_task, ctx):
            os.kill(os.getpid(), signal.SIGTERM)
            ctx.wait(20)
            ctx.raise_if_cancelled()

        self.assertEqual(worker.run(grace=0.1).released, 1)
        self.assertEqual(self.client.get("held").status, "queued")

    def test_logs_what_becomes_of_tasks_and_never_what_is_in_them(self):
        for code in ("good", "secret-code"):
            self.client.enqueue(code, eval_id=f"t-{len(code)}", metadata={"m": "secret-metadata"})
        worker = Worker(worker_id="w", concurrency=1)

        @worker.handler
        def run(task, _ctx):
            if task.code != "good":
                raise ValueError(f"secret-error of {task.code}")
            return "secret-output"

        with self.assertLogs("crucible_queue", logging.DEBUG) as logged:
            worker.run(until_empty=True)
        said = [(record.levelname, record.getMessage()) for record in logged.records]
        self.assertEqual(
            [line for line in said if "t-" in line[1]],
            [
                ("INFO", "w: claimed t-4 (attempt 1)"),
                ("INFO", "w: completed t-4 (attempt 1)"),
                ("INFO", "w: claimed t-11 (attempt 1)"),
                ("WARNING", "w: failed t-11 (attempt 1): ValueError"),
            ],
        )
        self.assertNotIn("secret", str(said))


if __name__ == "__main__":
    unittest.main()
