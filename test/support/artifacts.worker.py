"""Stores an artifact in a coroutine, and saves the one in FOLDER. Prints its digest and what was saved."""

import asyncio
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "python"))

from crucible_queue import AsyncWorker, Client  # noqa: E402

URL, FOLDER = sys.argv[1:]
client = Client(URL)
worker = AsyncWorker(URL)


@worker.handler
async def run(task, context):
    artifact = await context.put_artifact(task.code.encode(), "trained model.bin")
    loop = asyncio.get_running_loop()
    download = await loop.run_in_executor(None, client.artifacts.download, task.eval_id, artifact.name)
    return await loop.run_in_executor(None, download.save, FOLDER)


asyncio.run(worker.run(until_empty=True))
[task] = client.list(status="completed")
[listed] = client.artifacts.list(task.eval_id)
print(listed.sha256)
print(os.path.basename(client.output(task.eval_id)))
