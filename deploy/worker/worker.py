"""A worker in plain Python: takes a task, runs its code in a process of its own, and reports what came out.

An example. It keeps its lease alive, gives up a task that was taken from it, and finishes what it has when it is told to
stop. It does not protect this machine from the code: run that in a sandbox.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

URL = os.environ.get("QUEUE_URL", "http://127.0.0.1:8081")
KEY = os.environ.get("QUEUE_API_KEY", "")
WORKER = os.environ.get("WORKER_ID", f"{socket.gethostname()}-{os.getpid()}")
stopping = threading.Event()


def call(path, body, patience=10.0):
    """Posts JSON; returns the status and the parsed answer. Retries while the service is away or asks for it."""
    headers = {"Content-Type": "application/json", **({"X-API-Key": KEY} if KEY else {})}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                return error.code, json.load(error)
            time.sleep(float(error.headers.get("Retry-After", 1)))
        except OSError:
            time.sleep(1)


def keep_alive(task, process, done):
    """Extends the lease while the process runs; kills the process when the lease is lost."""
    while not done.wait(task["heartbeat_interval"]):
        status, _ = call(f"/tasks/{task['eval_id']}/heartbeat", {"lease_id": task["lease_id"]})
        if status == 409:
            process.kill()
            return


def run(task):
    process = subprocess.Popen(
        [sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    done = threading.Event()
    beating = threading.Thread(target=keep_alive, args=(task, process, done), daemon=True)
    beating.start()
    try:
        out, err = process.communicate(task["code"], timeout=task["timeout"])
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"\nstopped after {task['timeout']} s"
    done.set()
    lease = {"lease_id": task["lease_id"]}
    if process.returncode == 0:
        return "complete", {**lease, "output": {"stdout": out}}
    return "fail", {**lease, "error": err[-4000:], "exit_code": process.returncode}


def main():
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    print(f"{WORKER} works for {URL}")
    claim_number = 0
    while not stopping.is_set():
        claim_number += 1
        # With the same claim_id a claim whose answer was lost gives the same task again.
        claim = {"worker_id": WORKER, "wait": 5, "claim_id": f"{os.getpid()}-{claim_number}"}
        status, answer = call("/tasks/claim", claim, patience=20)
        if status != 200:
            print(f"the claim was refused: {answer}")
            time.sleep(5)
            continue
        for task in answer["tasks"]:
            report, body = run(task)
            status, _ = call(f"/tasks/{task['eval_id']}/{report}", body)
            print(f"{task['eval_id']}: {report}, answered {status}")


main()
