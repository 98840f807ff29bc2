import json
import unittest

from crucible_queue import AttemptFailed, PermanentError, RetryLater
from crucible_queue.report import LONGEST_ERROR, failure


class Silent(Exception):
    def __str__(self):
        raise ValueError("no text")


class ReportTest(unittest.TestCase):
    def members(self, error):
        report = failure(error)
        self.assertEqual(report.verb, "fail")
        return json.loads(report.content("lease"))

    def test_sends_what_the_service_takes_as_it_is(self):
        self.assertEqual(self.members(AttemptFailed("no", 7)), {"lease_id": "lease", "error": "no", "exit_code": 7})
        self.assertEqual(self.members(RetryLater(2.5, "busy"))["retry_after"], 2.5)
        self.assertIs(self.members(PermanentError("never"))["retryable"], False)

    def test_replaces_times_that_are_none_and_says_so(self):
        for seconds, taken in ((-1, 0), (float("inf"), 31_622_400), (10**400, 31_622_400)):
            members = self.members(RetryLater(seconds, "busy"))
            self.assertEqual(members["retry_after"], taken)
            self.assertIn("was taken as", members["error"])
        for seconds in (float("nan"), "soon", None):
            members = self.members(RetryLater(seconds, "busy"))
            self.assertNotIn("retry_after", members)
            self.assertIn("is not a number of seconds", members["error"])

    def test_names_the_cause_and_leaves_out_one_that_the_service_would_refuse(self):
        for error in (AttemptFailed("no", cause="oom"), PermanentError("no", cause="oom"), RetryLater(1, "no", cause="oom")):
            self.assertEqual(self.members(error)["cause"], "oom")
        for cause in ("OOM", "", "x" * 65, "a\n", 7):
            members = self.members(AttemptFailed("no", cause=cause))
            self.assertNotIn("cause", members)
            self.assertIn("is not valid and was omitted", members["error"])

    def test_leaves_out_exit_codes_that_are_none_and_says_so(self):
        for code in ("7", 1.5, True, 2**40, object()):
            members = self.members(AttemptFailed("no", code))
            self.assertNotIn("exit_code", members)
            self.assertIn("is not valid", members["error"])

    def test_gives_every_error_a_text(self):
        self.assertIn("Silent", self.members(Silent())["error"])
        self.assertIn("its text raises ValueError", self.members(type("Mute", (AttemptFailed, Silent), {"__str__": Silent.__str__})("x"))["error"])
        self.assertEqual(self.members(AttemptFailed("half \ud800"))["error"], "half \ud800")
        self.assertEqual(self.members(AttemptFailed(b"bytes"))["error"], "b'bytes'")

    def test_cuts_an_error_that_is_too_long_and_keeps_its_end(self):
        error = self.members(AttemptFailed("first " + "x" * 3_000_000 + " last"))["error"]
        self.assertTrue(error.startswith("first ") and error.endswith(" last"))
        self.assertIn("characters left out", error)
        self.assertLess(len(error), LONGEST_ERROR + 100)


if __name__ == "__main__":
    unittest.main()
