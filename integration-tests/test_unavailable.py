"""Where no namespaces can be made, what needs them is skipped and says why: nothing fails, and nothing passes unseen."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ("test_network_faults", "test_host_faults", "test_disk_faults", "test_clock_jumps", "test_drill_networks",
           "test_ansible", "test_ansible_growth")
# Who cannot make them; both may read the checkout, wherever it is.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+dac_read_search",
          "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search"]
POWERLESS_ROOT = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


@unittest.skipIf(os.geteuid() != 0, "only root can take root's power away")
class UnavailableTest(unittest.TestCase):
    def outcomes(self, who):
        """What becomes of each test of the modules: {name: outcome}."""
        ran = subprocess.run([*who, sys.executable, "-B", "-m", "unittest", "-v", *MODULES], cwd=HERE, capture_output=True,
                             text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stderr[-3000:])
        found = dict(re.findall(r"^(test_\w+ \([\w.]+\))(?:\n[^\n]*)?? \.\.\. (.*)$", ran.stderr, re.M))
        expected = unittest.defaultTestLoader.loadTestsFromNames(MODULES).countTestCases()
        self.assertEqual(len(found), expected, ran.stderr[-3000:])
        self.assertGreater(expected, 30)
        return found

    def test_who_is_not_root(self):
        for test, outcome in self.outcomes(NOBODY).items():
            self.assertRegex(outcome, "^skipped '.* need root'$", test)

    def test_root_who_may_not(self):
        """As in a container."""
        for test, outcome in self.outcomes(POWERLESS_ROOT).items():
            self.assertRegex(outcome, "^skipped 'no (network namespaces|hosts of their own) here: .*(not permitted|denied)",
                             test)

    def test_soak(self):
        for who, why in ((NOBODY, "need root"), (POWERLESS_ROOT, "no network namespaces here")):
            ran = subprocess.run([*who, sys.executable, "-B", HERE / "soak"], cwd=HERE, capture_output=True, text=True,
                                 timeout=60)
            self.assertEqual(ran.returncode, 1)
            self.assertIn(why, ran.stderr)


if __name__ == "__main__":
    unittest.main()
