"""What tests of a cluster under load are made of: a checking producer, and the verdict on what it found."""

from cluster import Checker


class CheckedCase:
    """For a TestCase whose `self.cluster` is a Cluster."""

    def check(self, topic, partitions, **options):
        """A producer at work whose records are checked in the end."""
        checker = Checker(self.cluster, topic, partitions, **options)
        self.addCleanup(checker.kill)
        checker.wait_for_progress(500)
        return checker

    def assert_nothing_lost(self, checker, at_least=1000):
        try:
            counts = checker.finish()
        except BaseException:
            self.cluster.print_logs()
            raise
        print(self.id().rsplit(".", 1)[1], counts, flush=True)
        wrong = (counts["lost"], counts["duplicated"] - counts["repeated_in_a_new_epoch"], counts["reordered"])
        if any(wrong):
            self.cluster.print_logs(200)
            self.cluster.keep = True
        self.assertGreater(counts["acknowledged"], at_least)
        self.assertEqual(wrong, (0, 0, 0))
        return counts


class TopicOfItsOwnCase:
    """For a TestCase whose tests share a Cluster, `self.cluster`, and have a topic each, `self.topic`."""

    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1].replace("test_", "")
        self.addCleanup(self.heal)

    def heal(self):
        for broker in self.cluster.brokers.values():
            if not broker.process.running():
                broker.start()
            broker.process.resume()
        self.cluster.wait_for_brokers()

    def create(self, *assignment, **configs):
        settings = [word for name, value in configs.items()
                    for word in ("--config", f"{name.replace('__', '.')}={value}")]
        self.cluster.ottla("topics", "--create", "--topic", self.topic, "--replica-assignment",
                           ",".join(":".join(map(str, replicas)) for replicas in assignment), *settings)
        self.cluster.wait_for_isr(self.topic, len(assignment[0]))
