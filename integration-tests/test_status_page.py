"""The status page in headless Chromium."""

import re
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

    def page(self, broker, more=""):
        """What stands in the page after some polls. The browser's clock runs ahead while nothing is under way."""
        with tempfile.TemporaryDirectory(prefix="ottla-chromium.", ignore_cleanup_errors=True) as profile:
            shown = subprocess.run(
                [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                 "--virtual-time-budget=7000", "--dump-dom", f"http://127.0.0.1:{port_of(broker)}/{more}"],
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

    def table(self, dom, table):
        """The rows of a table by its element's id, as lists of texts."""
        found = re.search(rf'id="{table}"[^>]*>(.*?)</table>', dom, re.S)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1] if found else "", re.S)
        return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
                for row in rows]

    def test_details_of_a_topic(self):
        def details(more):
            """partition, leader, replicas, epoch, start, end, high watermark, bytes, what is moved"""
            return {row[0]: row for row in self.table(self.page(self.brokers[0], more), "topics") if len(row) == 9}
        rows = wait_until(lambda: details("#topic=orders"), "the topic's details", 60)
        partitions = self.cluster.partitions("orders")
        self.assertEqual(set(rows), {"0", "1"})
        for number, partition in partitions.items():
            row = rows[str(number)]
            self.assertEqual(row[1], str(partition["leader"]))
            self.assertEqual([int(one) for one in re.findall(r"\d+", row[2])], partition["replicas"])
        self.assertEqual(sum(int(row[6]) for row in rows.values()), 3, "all records are below the high watermark")
        self.assertEqual(details(""), {}, "nobody asked for them")

    def test_elections_and_isr(self):
        """A leader that dies: who is elected, in which epoch and with which ISR; and the replica that is missing."""
        before = self.cluster.partitions("orders")[0]
        dead = self.cluster.brokers[before["leader"]]
        seen_by = next(broker for broker in self.brokers if broker is not dead)
        dead.process.kill()
        try:
            after = wait_until(lambda: (lambda now: now if now["leader"] not in (-1, dead.id) else None)(
                self.cluster.partitions("orders")[0]), "another leader", 60)

            def election():
                dom = self.page(seen_by)
                return next(((dom, row) for row in self.table(dom, "elections")
                             if len(row) == 7 and row[1] == "orders-0" and row[2] == str(dead.id)), None)
            dom, row = wait_until(election, "the page to show the election", 120)
            self.assertEqual(row[3], str(after["leader"]))
            self.assertEqual({int(one) for one in row[5].split()}, set(before["replicas"]) - {dead.id})
            self.assertNotEqual(row[6], "unclean")
            problems = {one[0]: one for one in self.table(dom, "problems")[0:] if len(one) == 5}
            self.assertEqual(problems["orders-0"][1], str(after["leader"]))
            self.assertEqual(problems["orders-0"][4], "under-replicated")
        finally:
            dead.start()
        wait_until(dead.accepts, "the broker to be back", 60)
        wait_until_ready(self.brokers)

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
