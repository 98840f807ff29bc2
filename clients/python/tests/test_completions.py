import json
import threading
import unittest

from crucible_queue.completions import Completions
from crucible_queue.errors import ClientError
from crucible_queue.models import ClaimedTask


class Status:
    status = "completed"


class Service:
    """Holds every answer until the test gives it."""

    def __init__(self):
        self.sent = []
        self.changed = threading.Condition()
        self.open = threading.Event()
        self.answer = lambda ids: [
            {"index": index, "eval_id": each, "status": "completed"} for index, each in enumerate(ids)
        ]

    def note(self, what):
        with self.changed:
            self.sent.append(what)
            self.changed.notify_all()
        self.open.wait()

    def until_sent(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.sent) >= count)

    def report(self, task, verb, content, **_limits):
        self.note(task.eval_id)
        return Status

    def request(self, _method, _path, *, content, read, patience):
        ids = [each["eval_id"] for each in json.loads(content)["results"]]
        self.note("+".join(sorted(ids)))
        return read({"results": self.answer(ids)})


class CompletionsTest(unittest.TestCase):
    def report_all(self, service, names, size=1):
        """Reports these at once: the first two are under way before the others come."""
        completions = Completions(service)
        states = {}

        def complete(name, output):
            task = ClaimedTask.__new__(ClaimedTask)
            object.__setattr__(task, "eval_id", name)
            content = json.dumps({"lease_id": "lease", "output": output}).encode()
            states[name] = completions.complete(task, content, {})

        threads = []
        for count, name in enumerate(names):
            threads.append(threading.Thread(target=complete, args=(name, "x" * size)))
            threads[-1].start()
            if count < 2:
                service.until_sent(count + 1)
        # The others share a request, although the first two hang.
        service.until_sent(3)
        service.open.set()
        for thread in threads:
            thread.join()
        self.assertEqual(states, dict.fromkeys(names, "completed"))
        return service.sent

    def test_share_requests_while_others_are_under_way(self):
        sent = self.report_all(Service(), "abcdef")
        self.assertEqual(sent[:2], ["a", "b"])
        self.assertEqual(sorted("".join(sent).replace("+", "")), list("abcdef"))

    def test_go_alone_when_the_shared_answer_does_not_settle_them(self):
        for results in ([{"index": 0, "problem": {}}], [{"index": True}, 7, {"index": 9}], []):
            service = Service()
            service.answer = lambda _ids, results=results: results
            sent = self.report_all(service, "abcdef")
            self.assertEqual(sorted(each for each in sent if "+" not in each), list("abcdef"))

    def test_go_alone_when_the_shared_request_fails(self):
        service = Service()

        def refuse(_ids):
            raise ClientError("refused")

        service.answer = refuse
        sent = self.report_all(service, "abcdef")
        self.assertEqual(sorted(each for each in sent if "+" not in each), list("abcdef"))

    def test_share_a_request_within_its_size(self):
        sent = self.report_all(Service(), "abcdef", size=400_000)
        self.assertLessEqual(max(len(each.split("+")) for each in sent), 2)


if __name__ == "__main__":
    unittest.main()
