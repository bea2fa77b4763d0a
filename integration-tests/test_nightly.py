"""deploy/nightly: each part's outcome is in its summary and in its exit status, with parts that are made up and one that is
real."""

import pathlib
import subprocess
import tempfile
import unittest

from cluster import BUILD, HERE

NIGHTLY = HERE.parent / "deploy" / "nightly"


class NightlyTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ottla-nightly.")
        self.addCleanup(directory.cleanup)
        self.builds = pathlib.Path(directory.name)

    def nightly(self, *arguments, build=None):
        """(exit status, output)"""
        ran = subprocess.run([NIGHTLY, "--build", build or self.builds / "release", "--logs", self.builds / "logs",
                              *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        return ran.returncode, ran.stdout

    def fuzzer(self, name, script):
        path = self.builds / "fuzz" / "somewhere" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def test_what_is_not_built_is_skipped_and_named(self):
        status, output = self.nightly("--only", "tests", "simulation", "fuzz", "asan", "tsan")
        self.assertEqual(status, 0, output)
        for part in ("tests", "simulation", "fuzz", "asan", "tsan"):
            self.assertRegex(output, rf"(?m)^{part} .* skipped: .*\(deploy/build \w+\)$")

    def test_a_fuzzer_that_finds_something_fails_the_night_and_stops_no_other(self):
        self.fuzzer("bad_fuzz", "echo it crashed; exit 77")
        self.fuzzer("good_fuzz", f'echo "$@" > {self.builds}/ran')
        status, output = self.nightly("--only", "fuzz", "--fuzz-minutes", 2)
        self.assertEqual(status, 1, output)
        self.assertIn("it crashed", output)
        self.assertRegex(output, r"(?m)^fuzz .* FAILED: .*fuzz\.log$")
        self.assertIn("-max_total_time=120", (self.builds / "ran").read_text())

    def test_all_is_well(self):
        self.fuzzer("good_fuzz", "true")
        status, output = self.nightly("--only", "fuzz")
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"(?m)^fuzz .* passed$")

    def test_simulated_runs(self):
        if not (BUILD / "simulation" / "ottla-simulate").exists():
            self.skipTest("ottla-simulate is not built")
        status, output = self.nightly("--only", "simulation", "--runs", 2, build=BUILD)
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"(?m)^simulation .* passed$")
        self.assertRegex((self.builds / "logs" / "simulation.log").read_text(), r"(?s)simulation/nightly 2\n.*exit status 0\n$")

    def test_what_is_wrong_with_the_question(self):
        for arguments in (("--runs", 0), ("--only", "bench")):
            self.assertEqual(self.nightly(*arguments)[0], 2)


if __name__ == "__main__":
    unittest.main()
