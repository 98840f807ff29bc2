"""The service under test; QUEUE_URL and QUEUE_API_KEY configure it."""

import os
import time
import unittest

from crucible_queue import Client

URL = os.environ.get("QUEUE_URL", "http://127.0.0.1:8081")
API_KEY = os.environ.get("QUEUE_API_KEY")
LIMIT = 25.0


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.client = Client(URL, API_KEY)
        self.addCleanup(self.client.close)
        self.client.clear(all=True)

    def until(self, condition):
        end = time.monotonic() + LIMIT
        while not condition():
            self.assertLess(time.monotonic(), end, "It did not come true in time")
            time.sleep(0.01)
