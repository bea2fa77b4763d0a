"""The status page in headless Chromium."""

import shutil
import subprocess
import tempfile
import unittest

from cluster import Cluster, wait_until
from status_page import LISTENER, port_of, wait_until_ready

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@unittest.skipUnless(CHROMIUM, "no Chromium is installed (Debian's chromium)")
class StatusPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**LISTENER)
        cls.addClassCleanup(cls.cluster.close)
        cls.brokers = list(cls.cluster.brokers.values())
        cls.cluster.create_topic("orders", 2, 3)
        cls.cluster.ottla("console-producer", "--topic", "orders", stdin="a\nb\nc\n")
        cls.cluster.ottla("console-consumer", "--topic", "orders", "--from-beginning", "--max-messages", 3, "--group", "billing")
        wait_until_ready(cls.brokers)

    def page(self, broker):
        """What stands in the page after some polls. The browser's clock runs ahead while nothing is under way."""
        with tempfile.TemporaryDirectory(prefix="ottla-chromium.", ignore_cleanup_errors=True) as profile:
            shown = subprocess.run(
                [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                 "--virtual-time-budget=7000", "--dump-dom", f"http://127.0.0.1:{port_of(broker)}/"],
                capture_output=True, text=True, timeout=120)
        return shown.stdout

    def test_it_is_live_and_shows_the_cluster(self):
        page = wait_until(lambda: (lambda dom: dom if 'data-live="yes"' in dom and "billing" in dom else None)(
            self.page(self.brokers[0])), "a live page", 120)
        for broker in self.brokers:
            self.assertIn(f"PLAINTEXT://{broker.address}", page)
            self.assertIn(str(broker.directory / "data"), page)  # each one's own log dirs: all were asked
        self.assertIn("every partition has a leader", page)
        self.assertIn(">orders<", page)
        self.assertIn("ottla.http.listener", page)

    def test_a_dead_broker_shows(self):
        dead = self.brokers[2]
        dead.process.kill()
        try:
            wait_until(lambda: ">gone<" in (dom := self.page(self.brokers[0])) and "under-replicated" in dom,
                       "the page to show the dead broker", 120)
        finally:
            dead.start()
        wait_until(dead.accepts, "the broker to be back", 60)
        wait_until_ready(self.brokers)


if __name__ == "__main__":
    unittest.main()
