#!/usr/bin/env python3
"""Keys and metrics that nobody uses, to see that check_declared.py bites, and used ones, to see that it does not."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import check_declared  # noqa: E402

KEYS = '''
inline constexpr ConfigKey<std::int32_t> kThreads{
    .name = "threads"};
inline constexpr ConfigKey<std::optional<std::int64_t>> kRetention{.name = "log.retention.ms"};
inline constexpr ConfigKey<std::int32_t> kPatience{
    .name = "patience", .doc = "Accepted, without effect: nobody waits."};
'''
TOPIC_KEYS = 'constexpr TopicKey<int> kTopicRetention{.broker_defaults = {{{"log.retention.ms"}}}};'
METRICS = 'inline constexpr Metric kBytesIn{.domain = "kafka.server"};'


class CheckDeclared(unittest.TestCase):
    def check(self, code, path="broker/x.cc"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in (("common/config/broker_keys.h", KEYS), ("common/config/topic_keys.h", TOPIC_KEYS),
                                  ("common/metrics/server_metrics.h", METRICS), (path, code)):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            return list(check_declared.faults(root))

    def test_what_is_used_is_fine(self):
        self.assertEqual(self.check("config.get(kThreads); registry.counter(kBytesIn);"), [])

    def test_a_key_that_no_code_reads_is_found(self):
        found = self.check("registry.counter(kBytesIn);")
        self.assertEqual(len(found), 1)
        self.assertIn("kThreads", found[0])

    def test_a_metric_that_no_code_moves_is_found(self):
        self.assertIn("kBytesIn", self.check("config.get(kThreads);")[0])

    def test_a_test_is_no_user(self):
        self.assertEqual(len(self.check("kThreads kBytesIn", path="broker/x_test.cc")), 2)


if __name__ == "__main__":
    unittest.main()
