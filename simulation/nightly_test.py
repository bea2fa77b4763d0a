#!/usr/bin/env python3
"""What the nightly command tells of simulated runs that fail, die or hang."""
import os
import pathlib
import subprocess
import tempfile
import unittest

NIGHTLY = pathlib.Path(__file__).resolve().parent / "nightly"


class Nightly(unittest.TestCase):
    def run_with(self, simulate):
        """Exit status and output, with this shell script in place of ottla-simulate."""
        with tempfile.TemporaryDirectory() as build:
            program = pathlib.Path(build, "simulation", "ottla-simulate")
            program.parent.mkdir()
            program.write_text("#!/bin/bash\n" + simulate)
            program.chmod(0o755)
            ended = subprocess.run([NIGHTLY, "1", "7000"], capture_output=True, text=True, timeout=60,
                                   env={**os.environ, "OTTLA_BUILD": build})
            return ended.returncode, ended.stdout

    def test_all_is_well(self):
        status, told = self.run_with('echo "1 runs from seed 7000: 0 failed"')
        self.assertEqual(status, 0, told)
        self.assertIn("(--transactions)", told)

    def test_a_rule_is_broken(self):
        status, told = self.run_with("""echo "seed 7000: FAILED one_leader"; echo "  why"; echo "  replay: this way"
                                        echo "1 runs from seed 7000: 1 failed"; exit 1""")
        self.assertEqual(status, 1)
        self.assertIn("replay: this way", told)

    def test_a_process_dies(self):
        status, told = self.run_with('echo "  replay: ottla-simulate --seed 7000"; kill -ABRT $$')
        self.assertEqual(status, 1)
        self.assertIn("ended early", told)
        self.assertIn("--seed 7000", told)


if __name__ == "__main__":
    unittest.main()
