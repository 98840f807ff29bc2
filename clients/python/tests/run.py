"""Runs every test and prints a line of JSON for each; with --list, only the names.

Whoever runs them can count them: ``{"test": …, "problem": null}``.
"""

import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


class LineResult(unittest.TestResult):
    def addSuccess(self, test):
        self.say(test, None)

    def addFailure(self, test, err):
        self.say(test, self._exc_info_to_string(err, test))

    def addError(self, test, err):
        self.say(test, self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        self.say(test, f"skipped: {reason}")

    @staticmethod
    def say(test, problem):
        print(json.dumps({"test": test.id(), "problem": problem}), flush=True)


def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


# The processes that tests start import this file again.
if __name__ == "__main__":
    suite = unittest.defaultTestLoader.discover(str(ROOT / "tests"), top_level_dir=str(ROOT))
    if "--list" in sys.argv:
        print(json.dumps([test.id() for test in each(suite)]))
    else:
        suite.run(LineResult())
