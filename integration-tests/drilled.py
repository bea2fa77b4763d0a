"""What tests of `ottla drill` are made of."""

import json
import subprocess

from cluster import OTTLA, wait_until


class DrillCase:
    """For a TestCase whose `self.cluster` is a Cluster."""

    # How the drill reaches the processes.
    means = ()

    def drill(self, kind, *arguments, seconds=180):
        """The drill's JSON, after a look at the page that it wrote."""
        page = self.cluster.directory / f"{kind}.html"
        told = json.loads(self.cluster.ottla("drill", kind, *self.means, "--json", "--html", page,
                                             "--observe", 1000, "--max-gap", 20000, *arguments, seconds=seconds))
        self.assert_passed(told, page)
        return told

    def assert_passed(self, told, page):
        print(told["drill"], {**told["total"], "elections": told["elections"]}, flush=True)
        html = page.read_text()
        self.assertIn("<svg", html)
        self.assertNotIn("http", html)
        self.assertIn(f"broker {told['brokers'][0]}", html)
        self.assertTrue(told["passed"], told["faults"])
        total = told["total"]
        self.assertGreater(total["acknowledged"], 200)
        self.assertEqual((total["lost"], total["duplicated"], total["reordered"], total["refused"]), (0, 0, 0, 0))
        self.assertGreaterEqual(total["read"], total["acknowledged"])
        wait_until(lambda: "__ottla_drill" not in self.cluster.ottla("topics", "--list").split(),
                   "the topic's deletion")

    def guided(self, kind, *arguments):
        """A drill that nobody gave a way to do harm: it asks for it on standard error."""
        child = subprocess.Popen([str(OTTLA), "drill", kind, "--bootstrap-server", self.cluster.bootstrap, "--json",
                                  *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        child.kill()
        child.communicate()

    @staticmethod
    def read_until(child, text):
        for line in child.stderr:
            if text in line:
                return
        raise AssertionError(f"never said: {text}")

    def assert_moved_from(self, told, target, since="fault"):
        """The partition that it led is led by others in a newer epoch, since the first event of that kind."""
        fault = next(event["atMs"] for event in told["events"] if event["kind"] == since)
        [moved] = [partition for partition in told["partitions"] if partition["leaders"][0]["leader"] == target.id]
        first, second = moved["leaders"][0], next(
            seen for seen in moved["leaders"] if seen["leader"] not in (-1, target.id))
        self.assertGreater(second["leaderEpoch"], first["leaderEpoch"])
        self.assertGreaterEqual(second["atMs"], fault)
        self.assertGreaterEqual(told["elections"], 1)
