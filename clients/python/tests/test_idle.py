import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crucible_queue import Worker

POLLS = 3


class Parking(BaseHTTPRequestHandler):
    """A service without tasks that answers a poll when the test allows it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/leave"):
            self.send_error(404)
            return
        self.server.seen.append((self.path, self.connection))
        self.server.arrived.release()
        self.server.let_go.acquire()
        text = b'{"tasks": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass

    def handle(self):
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass  # A stopped worker closes its connection.


class IdleTest(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Parking)
        self.server.daemon_threads = True
        self.server.seen = []
        self.server.arrived = threading.Semaphore(0)
        self.server.let_go = threading.Semaphore(0)
        serving = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        serving.start()
        self.addCleanup(serving.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_an_idle_worker_asks_once_for_each_poll_on_one_connection_whatever_its_concurrency(self):
        worker = Worker(f"http://127.0.0.1:{self.server.server_port}", concurrency=8)
        worker.handler(lambda _task, _ctx: None)
        thread = threading.Thread(target=worker.run)
        thread.start()
        for _ in range(POLLS - 1):
            self.assertTrue(self.server.arrived.acquire(timeout=20))
            self.server.let_go.release()
        self.assertTrue(self.server.arrived.acquire(timeout=20))
        worker.stop()
        # The aborted poll, and the claim that checks whether it got a task.
        self.server.let_go.release(2)
        thread.join(20)
        self.assertFalse(thread.is_alive())
        self.assertEqual([path for path, _ in self.server.seen], ["/tasks/claim"] * (POLLS + 1))
        self.assertEqual(len({connection for _, connection in self.server.seen[:POLLS]}), 1)


if __name__ == "__main__":
    unittest.main()
